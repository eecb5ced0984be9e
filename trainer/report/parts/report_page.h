#ifndef TRAINER_REPORT_PARTS_REPORT_PAGE_H
#define TRAINER_REPORT_PARTS_REPORT_PAGE_H

/* The files of trainer/report/page, embedded by the build (private to report.c). In the page
 * {{NAME}} stands for what the report puts there. */

extern const char px_report_html[];
extern const char px_report_style[];

#endif
