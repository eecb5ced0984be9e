#include "model/dnn/parts/winograd_parts.h"

/* What a convolution costs for one picture, in multiply-adds of a large matrix product. Beside its
 * products, each channel of a square takes a few vector instructions on the way in and out, and
 * each weight is read from memory in the time of READ multiply-adds. Calibrated on unet_256 with
 * ngf 16 and 64 and resnet_9blocks (Zen 4, AVX2, one thread), where this finds the fastest side or
 * one within 5 % of it; the times are in tests/bench/README.md. */
static const double TAKE = 12, GIVE = 9, READ = 16;

/* A smaller gain is not worth larger weights. */
static const double WORTHWHILE = 1.2;

enum { DIRECT_WIDTH = 16 }; /* results that oneDNN computes even if they are fewer */

bool px_winograd_can(const struct px_conv_desc *d, int side)
{
    bool f32 = d->src == PX_F32 && d->weights == PX_F32 && d->dst == PX_F32;

    return d->pass == PX_CONV_FORWARD && f32 && (d->stride == 1 || d->stride == 2) &&
           d->kernel % d->stride == 0 && px_minimal_exists(side, d->kernel / d->stride) &&
           d->ic % 8 == 0 && d->oc % 4 == 0 && d->ih + 2 * d->pad >= d->kernel &&
           d->iw + 2 * d->pad >= d->kernel;
}

struct px_winograd_shape px_winograd_shape_of(const struct px_conv_desc *d, int side,
                                              const struct px_multiplier *multiplier)
{
    struct px_winograd_shape s = {.side = side, .taps = d->kernel / d->stride};
    size_t narrow = multiplier->narrow;

    s.points = s.side + s.taps - 1;
    s.oh = (d->ih + 2 * d->pad - d->kernel) / d->stride + 1;
    s.ow = (d->iw + 2 * d->pad - d->kernel) / d->stride + 1;
    s.rows = (s.oh + side - 1) / side;
    s.columns = (s.ow + side - 1) / side;
    s.depth = (size_t)d->ic * (size_t)(d->stride * d->stride);
    s.width = ((size_t)d->oc + narrow - 1) / narrow * narrow;
    return s;
}

static double cost_of(const struct px_winograd_shape *s)
{
    double squares = (double)s->rows * s->columns;
    double depth = (double)s->depth, width = (double)s->width;

    return s->points * s->points *
           ((squares + READ) * depth * width + squares * (TAKE * depth + GIVE * width));
}

static double direct_cost(const struct px_winograd_shape *s, int oc)
{
    double width = oc < DIRECT_WIDTH ? DIRECT_WIDTH : oc;

    return s->taps * s->taps * ((double)s->oh * s->ow + READ) * (double)s->depth * width;
}

int px_winograd_choose(const struct px_conv_desc *desc)
{
    const struct px_multiplier *multiplier = px_multiplier_of_cpu();
    double least = 0;
    int best = 0;
    for (int side = 2; multiplier && side <= PX_SQUARE_MAX; side++) {
        if (!px_winograd_can(desc, side))
            continue;
        struct px_winograd_shape shape = px_winograd_shape_of(desc, side, multiplier);
        double cost = cost_of(&shape);
        if (best == 0)
            least = direct_cost(&shape, desc->oc) / WORTHWHILE;
        if (cost < least) {
            least = cost;
            best = side;
        }
    }
    return best;
}

size_t px_winograd_weights(const struct px_conv_desc *desc)
{
    const struct px_winograd_shape shape =
        px_winograd_shape_of(desc, desc->winograd, px_multiplier_of_cpu());

    return (size_t)(shape.points * shape.points) * shape.depth * shape.width;
}
