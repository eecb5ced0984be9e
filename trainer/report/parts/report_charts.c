#include "trainer/report/parts/report_charts.h"

#include <stdlib.h>

#include "trainer/report/parts/chart.h"

/* The curves' points as arrays; owned, one allocation. */
struct points {
    double *x, *G_GAN, *G_L1, *D_real, *D_fake; /* of training */
    double *epoch, *l1, *psnr, *ssim;           /* of validation */
    size_t count, epochs;
};

static bool make_points(const struct px_history *h, double lambda, struct points *p)
{
    size_t n, m;
    const struct px_history_losses *losses = px_history_all_losses(h, &n);
    const struct px_history_epoch *epochs = px_history_all_epochs(h, &m);
    double *all = calloc(5 * n + 4 * m + 1, sizeof *all);

    if (!all)
        return false;
    *p = (struct points){.x = all,
                         .G_GAN = all + n,
                         .G_L1 = all + 2 * n,
                         .D_real = all + 3 * n,
                         .D_fake = all + 4 * n,
                         .epoch = all + 5 * n,
                         .l1 = all + 5 * n + m,
                         .psnr = all + 5 * n + 2 * m,
                         .ssim = all + 5 * n + 3 * m,
                         .count = n,
                         .epochs = m};
    for (size_t i = 0; i < n; i++) {
        p->x[i] = (double)losses[i].step / (double)px_history_steps_per_epoch(h);
        p->G_GAN[i] = (double)losses[i].mean.G_GAN;
        p->G_L1[i] = (double)losses[i].mean.G_L1 / (lambda > 0 ? lambda : 1);
        p->D_real[i] = (double)losses[i].mean.D_real;
        p->D_fake[i] = (double)losses[i].mean.D_fake;
    }
    for (size_t i = 0; i < m; i++) {
        p->epoch[i] = (double)epochs[i].epoch;
        p->l1[i] = epochs[i].quality.l1;
        p->psnr[i] = epochs[i].quality.psnr;
        p->ssim[i] = epochs[i].quality.ssim;
    }
    return true;
}

bool px_report_charts(const struct px_history *h, double lambda_L1, int64_t best_epoch, FILE *out)
{
    struct points points;

    if (!make_points(h, lambda_L1, &points))
        return false;
    const struct points *p = &points;
    size_t n = p->count, m = p->epochs, with_l1 = lambda_L1 > 0 ? n : 0;
    double x_max = m ? p->epoch[m - 1] : 0, mark = (double)best_epoch;
    const struct px_chart charts[] = {
        {"L1",
         "mean |output &minus; target| in [&minus;1, 1]",
         x_max,
         mark,
         4,
         {{"training", p->x, p->G_L1, with_l1}, {"validation", p->epoch, p->l1, m}}},
        {"GAN losses",
         "as the reference logs them",
         x_max,
         0,
         3,
         {{"G_GAN", p->x, p->G_GAN, n},
          {"D_real", p->x, p->D_real, n},
          {"D_fake", p->x, p->D_fake, n}}},
        {"PSNR",
         "of validation, dB; higher is better",
         x_max,
         mark,
         2,
         {{0}, {"validation", p->epoch, p->psnr, m}}},
        {"SSIM",
         "of validation; 1 is equal",
         x_max,
         mark,
         4,
         {{0}, {"validation", p->epoch, p->ssim, m}}},
    };

    fprintf(out, "<h2>Curves <span>over the epochs</span></h2>\n<div class=\"charts\">\n");
    for (size_t i = 0; i < sizeof charts / sizeof *charts; i++)
        px_chart_write(out, &charts[i]);
    fputs("</div>\n", out);
    free(points.x);
    return true;
}
