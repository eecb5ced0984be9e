#include "model/dnn/parts/winograd_parts.h"

/* What a convolution costs for one picture, in multiply-adds of a large matrix product. Beside its
 * products, each channel of a square takes a few vector instructions on the way in and out, and
 * each weight is read from memory in the time of READ multiply-adds. Calibrated on unet_256 with
 * ngf 16 and 64 and resnet_9blocks (Zen 4, AVX2, one thread), where this finds the fastest side or
 * one within 5 % of it, in training 10 %; the times are in tests/bench/README.md. */
static const double TAKE = 12, GIVE = 9, READ = 16;

/* In training each weight is packed in each step, or the gradient by it written: oneDNN's are
 * moved, ours transformed. */
static const double MOVE = 20, PACK = 50;

/* A smaller gain is not worth larger weights. */
static const double WORTHWHILE = 1.2;

enum { DIRECT_WIDTH = 16 }; /* results that oneDNN computes even if they are fewer */

static double cost_of(const struct px_winograd_shape *s, double read)
{
    double squares = (double)s->rows * s->columns;
    double depth = (double)s->depth, width = (double)s->width;

    return s->points * s->points *
           ((squares + read) * depth * width + squares * (TAKE * depth + GIVE * width));
}

static double direct_cost(const struct px_conv_desc *d, double read)
{
    double oh = (d->ih + 2 * d->pad - d->kernel) / d->stride + 1;
    double ow = (d->iw + 2 * d->pad - d->kernel) / d->stride + 1;
    double width = d->oc < DIRECT_WIDTH ? DIRECT_WIDTH : d->oc;

    return d->kernel * d->kernel * (oh * ow + read) * d->ic * width;
}

/* The cheapest side, whose cost is below `least`. */
static int cheapest(const struct px_conv_desc *desc, double least, double read)
{
    const struct px_multiplier *multiplier = px_multiplier_of_cpu();
    int best = 0;

    for (int side = 2; multiplier && side <= PX_SQUARE_MAX; side++) {
        if (!px_winograd_can(desc, side))
            continue;
        struct px_winograd_shape shape = px_winograd_shape_of(desc, side, multiplier);
        double cost = cost_of(&shape, read);
        if (cost < least) {
            least = cost;
            best = side;
        }
    }
    return best;
}

int px_winograd_choose(const struct px_conv_desc *desc)
{
    bool two_pixels = desc->kernel == 4 * desc->stride; /* a ResNet's 7x7, which gains nothing */

    if (desc->pass != PX_CONV_FORWARD || two_pixels)
        return 0;
    return cheapest(desc, direct_cost(desc, READ) / WORTHWHILE, READ);
}

int px_winograd_choose_training(const struct px_conv_desc *desc)
{
    if (desc->pass == PX_CONV_BACKWARD_WEIGHTS) /* oneDNN's are slower than its other passes */
        return cheapest(desc, direct_cost(desc, MOVE), PACK);
    return cheapest(desc, direct_cost(desc, READ + MOVE) / WORTHWHILE, READ + PACK);
}

size_t px_winograd_weights(const struct px_conv_desc *desc)
{
    const struct px_winograd_shape shape =
        px_winograd_shape_of(desc, desc->winograd, px_multiplier_of_cpu());

    return (size_t)(shape.points * shape.points) * shape.depth * shape.width;
}
