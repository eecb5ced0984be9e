#ifndef TRAINER_REPORT_PARTS_CHART_H
#define TRAINER_REPORT_PARTS_CHART_H

/* A line chart as an inline SVG figure for the report: axes with round numbers, a legend with each
 * line's last value. Long lines are drawn as the means of some hundred sections. Colours are the
 * CSS variables --line-0 to --line-3, --grid and --text of the page. */

#include <stddef.h>
#include <stdio.h>

struct px_chart_line {
    const char *label; /* HTML */
    const double *x, *y;
    size_t count; /* x ascending; 0: the line is left out */
};

enum { PX_CHART_LINES = 4 };

struct px_chart {
    const char *title, *about; /* HTML; about: a few words after the title */
    double x_max;              /* the axis runs from 0 to here */
    double mark;               /* a dashed vertical at this x; 0: none */
    int digits;                /* of the legend, behind the point */
    struct px_chart_line lines[PX_CHART_LINES];
};

/* Writes a <figure>; with nothing to show it says so. Errors are the stream's. */
void px_chart_write(FILE *out, const struct px_chart *chart);

#endif
