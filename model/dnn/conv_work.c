#include "model/dnn/parts/conv_parts.h"
#include "model/dnn/parts/winograd_parts.h"

struct axis {         /* one of the two, or a kernel's taps along it */
    int taps;         /* that meet a pixel at all */
    double positions; /* sum over the taps: results to which each contributes a pixel */
};

static struct axis axis_of(const struct px_conv_desc *c, int in)
{
    int out = px_conv_output_side(c, in);
    struct axis axis = {0};

    for (int tap = 0; tap < c->kernel; tap++) {
        int met = 0;
        for (int o = 0; o < out; o++) {
            int i = o * c->stride - c->pad + tap;
            met += i >= 0 && i < in;
        }
        axis.taps += met > 0;
        axis.positions += met;
    }
    return axis;
}

struct px_conv_work px_conv_work_of(const struct px_conv *conv)
{
    const struct px_conv_desc *c = &conv->desc;
    double bytes = (double)px_conv_weights_size(conv);

    if (conv->winograd) {
        const struct px_winograd_shape *s = &conv->winograd->shape;
        double products = (double)conv->winograd->squares * s->points * s->points;
        return (struct px_conv_work){2e-9 * products * (double)(s->depth * s->width), bytes};
    }
    struct axis y = axis_of(c, c->ih), x = axis_of(c, c->iw);
    double used = (double)(y.taps * x.taps) / (c->kernel * c->kernel);
    return (struct px_conv_work){2e-9 * c->n * c->ic * c->oc * y.positions * x.positions,
                                 bytes * used};
}
