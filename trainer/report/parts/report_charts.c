#include "trainer/report/parts/report_charts.h"

#include <stdlib.h>

#include "trainer/report/parts/chart.h"

/* The curves' points as arrays; owned, one allocation. */
struct points {
    double *x, *G_GAN, *G_L1, *D_real, *D_fake; /* of training */
    double *epoch, *l1, *psnr, *ssim;           /* of validation */
};

static bool make_points(const struct px_history *h, double lambda, struct points *p)
{
    size_t n = h->losses_count, m = h->epochs_count;
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
                         .ssim = all + 5 * n + 3 * m};
    for (size_t i = 0; i < n; i++) {
        p->x[i] = (double)h->losses[i].step / (double)h->steps_per_epoch;
        p->G_GAN[i] = (double)h->losses[i].mean.G_GAN;
        p->G_L1[i] = (double)h->losses[i].mean.G_L1 / (lambda > 0 ? lambda : 1);
        p->D_real[i] = (double)h->losses[i].mean.D_real;
        p->D_fake[i] = (double)h->losses[i].mean.D_fake;
    }
    for (size_t i = 0; i < m; i++) {
        p->epoch[i] = (double)h->epochs[i].epoch;
        p->l1[i] = h->epochs[i].quality.l1;
        p->psnr[i] = h->epochs[i].quality.psnr;
        p->ssim[i] = h->epochs[i].quality.ssim;
    }
    return true;
}

bool px_report_charts(const struct px_history *h, double lambda_L1, int64_t best_epoch, FILE *out)
{
    struct points points;

    if (!make_points(h, lambda_L1, &points))
        return false;
    const struct points *p = &points;
    size_t n = h->losses_count, m = h->epochs_count, with_l1 = lambda_L1 > 0 ? n : 0;
    double x_max = m ? (double)h->epochs[m - 1].epoch : 0, mark = (double)best_epoch;
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
