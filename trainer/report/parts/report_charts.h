#ifndef TRAINER_REPORT_PARTS_REPORT_CHARTS_H
#define TRAINER_REPORT_PARTS_REPORT_CHARTS_H

/* The curves of the report (private to report.c). */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "trainer/report/history.h"

/* Writes L1, GAN losses, PSNR and SSIM over the epochs, with the best one (0: none) marked. L1 of
 * training is shown without its weight. False without memory. */
bool px_report_charts(const struct px_history *history, double lambda_L1, int64_t best_epoch,
                      FILE *out);

#endif
