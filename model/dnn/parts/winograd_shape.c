#include "model/dnn/parts/winograd_parts.h"

#include <stdio.h>

static bool has_channels(const struct px_conv_desc *d)
{
    switch (d->pass) {
    case PX_CONV_FORWARD:
        return d->ic % 8 == 0 && d->oc % 4 == 0;
    case PX_CONV_BACKWARD_DATA:
        return d->oc % 8 == 0 && d->ic % 4 == 0;
    default:
        return d->ic % 8 == 0 && d->oc % PX_GRADIENT_BLOCK == 0;
    }
}

/* A gradient by weights has the taps for results, and squares for kernels. */
static bool has_transforms(const struct px_conv_desc *d, int side)
{
    int taps = d->kernel / d->stride;

    if (d->pass == PX_CONV_BACKWARD_WEIGHTS)
        return px_minimal_exists(taps, side) && !d->bias;
    return px_minimal_exists(side, taps) && !(side == 2 && taps == 3); /* four are faster */
}

bool px_winograd_can(const struct px_conv_desc *d, int side)
{
    bool f32 = d->src == PX_F32 && d->weights == PX_F32 && d->dst == PX_F32;

    return f32 && (d->stride == 1 || d->stride == 2) && d->kernel % d->stride == 0 &&
           has_transforms(d, side) && has_channels(d) && d->pad < d->kernel &&
           d->ih + 2 * d->pad >= d->kernel && d->iw + 2 * d->pad >= d->kernel;
}

static void set_forward(struct px_winograd_shape *s, const struct px_conv_desc *d)
{
    s->ih = d->ih;
    s->iw = d->iw;
    s->ic = d->ic;
    s->oh = (d->ih + 2 * d->pad - d->kernel) / d->stride + 1;
    s->ow = (d->iw + 2 * d->pad - d->kernel) / d->stride + 1;
    s->oc = d->oc;
    s->gather = d->stride;
    s->scatter = 1;
    s->pad = d->pad;
    s->rows = (s->oh + s->side - 1) / s->side;
    s->columns = (s->ow + s->side - 1) / s->side;
}

/* Squares that cover the results of `out` lines, of which `scatter` are one line of a square. */
static int squares_back(const struct px_winograd_shape *s, int first, int out, int pad)
{
    int lines = (out - 1 + pad) / s->scatter - first + 1;

    return (lines + s->side - 1) / s->side;
}

/* Pixel p of the convolution's input gets from pixel q of its result the tap p + pad - stride * q.
 * So line y of p + pad = stride * y + a takes lines y, y - 1 ... of the result, with every
 * stride-th tap from a on. */
static void set_back(struct px_winograd_shape *s, const struct px_conv_desc *d)
{
    int first = d->pad / d->stride;

    s->ih = (d->ih + 2 * d->pad - d->kernel) / d->stride + 1;
    s->iw = (d->iw + 2 * d->pad - d->kernel) / d->stride + 1;
    s->ic = d->oc;
    s->oh = d->ih;
    s->ow = d->iw;
    s->oc = d->ic;
    s->gather = 1;
    s->scatter = d->stride;
    s->pad = s->taps - 1 - first;
    s->shift = d->pad % d->stride;
    s->rows = squares_back(s, first, s->oh, d->pad);
    s->columns = squares_back(s, first, s->ow, d->pad);
}

struct px_winograd_shape px_winograd_shape_of(const struct px_conv_desc *d, int side,
                                              const struct px_multiplier *multiplier)
{
    struct px_winograd_shape s = {
        .side = side, .taps = d->kernel / d->stride, .panel = multiplier->panel};
    size_t narrow = multiplier->narrow;

    s.points = s.side + s.taps - 1;
    if (d->pass == PX_CONV_BACKWARD_DATA)
        set_back(&s, d);
    else
        set_forward(&s, d);
    s.depth = (size_t)s.ic * (size_t)(s.gather * s.gather);
    s.width = ((size_t)s.oc * (size_t)(s.scatter * s.scatter) + narrow - 1) / narrow * narrow;
    return s;
}

int px_winograd_shape_make(const struct px_conv_desc *desc, struct px_winograd_shape *shape,
                           char name[static 32], struct px_error *err)
{
    const struct px_multiplier *multiplier = px_multiplier_of_cpu();

    if (!multiplier || !px_winograd_can(desc, desc->winograd))
        return px_fail(err, PX_E_INVALID,
                       "no Winograd convolution of side %d for a %dx%d kernel with stride %d and "
                       "%d -> %d channels on this CPU",
                       desc->winograd, desc->kernel, desc->kernel, desc->stride, desc->ic,
                       desc->oc);
    *shape = px_winograd_shape_of(desc, desc->winograd, multiplier);
    snprintf(name, 32, "winograd %dx%d:%s", desc->winograd, desc->winograd, multiplier->name);
    return 0;
}
