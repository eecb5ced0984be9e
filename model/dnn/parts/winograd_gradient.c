#include "model/dnn/parts/winograd_gradient.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>

#include "base/bounds.h"
#include "model/dnn/parts/winograd_parts.h"

/* Channels in and out whose sums a thread makes together, so that they stay in its cache until they
 * are transformed. Whole rows of all multipliers. */
enum { BLOCK_IN = 48, BLOCK_OUT = 128 };

/* Floats from one channel in to the next among those sums. */
static const size_t SUMS_PITCH = BLOCK_OUT + 16;

struct px_winograd_gradient {
    struct px_conv_desc desc;
    struct px_winograd_shape shape;
    struct px_minimal_weights rows; /* of the squares */
    const struct px_multiplier *multiplier;
    int threads;
    size_t squares; /* of all pictures */
    char name[32];
};

/* A run, and its parts of the scratchpad. */
struct gradient_run {
    const struct px_winograd_gradient *g;
    const struct px_conv_buffers *buffers;
    float *patches; /* [element][square][channel in] */
    float *kernels; /* [element][panel][square][channel out] */
    float *sums;    /* of each thread: [element][channel in][channel out] */
};

static size_t elements_of(const struct px_winograd_gradient *g)
{
    return (size_t)(g->shape.points * g->shape.points);
}

/* Floats from one element to the next. */
static size_t patch_step(const struct px_winograd_gradient *g)
{
    return (g->squares * px_winograd_pitch(g->shape.depth) + 31) / 16 * 16;
}

static size_t kernel_step(const struct px_winograd_gradient *g)
{
    return g->squares * (size_t)g->desc.oc + 16;
}

static size_t sums_step(void)
{
    return BLOCK_IN * SUMS_PITCH + 16;
}

int px_winograd_gradient_create(struct px_winograd_gradient **out, const struct px_conv_desc *desc,
                                int threads, struct px_error *err)
{
    struct px_winograd_gradient g = {
        .desc = *desc, .multiplier = px_multiplier_of_cpu(), .threads = threads};
    int rc = px_winograd_shape_make(desc, &g.shape, g.name, err);

    if (rc)
        return rc;
    g.squares = (size_t)desc->n * (size_t)g.shape.rows * (size_t)g.shape.columns;
    px_minimal_weights_make(&g.rows, g.shape.taps, g.shape.side);
    struct px_winograd_gradient *made = malloc(sizeof *made);
    if (!made)
        return px_fail(err, PX_E_NOMEM, "no memory for a convolution");
    *made = g;
    *out = made;
    return 0;
}

void px_winograd_gradient_destroy(struct px_winograd_gradient *gradient)
{
    free(gradient);
}

const char *px_winograd_gradient_name(const struct px_winograd_gradient *gradient)
{
    return gradient->name;
}

size_t px_winograd_gradient_scratch(const struct px_winograd_gradient *g)
{
    return elements_of(g) * (patch_step(g) + kernel_step(g) + (size_t)g->threads * sums_step()) *
           sizeof(float);
}

/* Transforms a square of the gradient into its lines of the panels. */
static void take_kernel(const struct gradient_run *run, size_t square)
{
    const struct px_winograd_gradient *g = run->g;
    const struct px_winograd_shape *s = &g->shape;
    const struct px_winograd_spot at = px_winograd_spot_of(s, square);
    size_t oc = (size_t)s->oc, panel = g->multiplier->panel;
    const float *picture =
        (const float *)run->buffers->dst + at.picture * (size_t)s->oh * (size_t)s->ow * oc;

    for (size_t c = 0; c < oc; c += panel) {
        size_t width = oc - c < panel ? oc - c : panel;
        struct px_patch kernel = {.channels = width,
                                  .out = run->kernels + c * g->squares + square * width,
                                  .step = kernel_step(g)};

        for (int p = 0; p < s->side * s->side; p++) {
            int y = at.row + p / s->side, x = at.column + p % s->side;
            bool inside = y < s->oh && x < s->ow;

            kernel.pixel[p] =
                inside ? picture + ((size_t)y * (size_t)s->ow + (size_t)x) * oc + c : NULL;
        }
        px_minimal_take_kernel(&kernel, &g->rows, s->taps, s->side);
    }
}

/* Channels in and out whose gradient is computed by one thread. */
struct gradient_block {
    size_t in, ins, out, outs;
    float *sums;
};

/* The sums over all squares. */
static void multiply(const struct gradient_run *run, const struct gradient_block *b)
{
    const struct px_winograd_gradient *g = run->g;
    size_t panel = g->multiplier->panel, oc = (size_t)g->desc.oc;
    struct px_product product = {.count = b->ins,
                                 .pitch = 1,
                                 .step = px_winograd_pitch(g->shape.depth),
                                 .depth = g->squares,
                                 .out_pitch = SUMS_PITCH};

    for (size_t e = 0; e < elements_of(g); e++)
        for (size_t c = b->out; c < b->out + b->outs; c += panel) {
            product.rows = run->patches + e * patch_step(g) + b->in;
            product.panel = run->kernels + e * kernel_step(g) + c * g->squares;
            product.width = oc - c < panel ? oc - c : panel;
            product.out = b->sums + e * sums_step() + (c - b->out);
            g->multiplier->multiply(&product);
        }
}

/* Transforms the sums into taps. With a stride, the input is split into parts, and each part meets
 * only every stride-th tap of a kernel. */
static void give(const struct gradient_run *run, const struct gradient_block *b)
{
    const struct px_winograd_gradient *g = run->g;
    const struct px_winograd_shape *s = &g->shape;
    size_t ic = (size_t)s->ic, kernel = (size_t)g->desc.kernel;
    struct px_square square = {.step = sums_step(), .channels = PX_GRADIENT_BLOCK, .slope = 1};

    for (size_t c = 0; c < b->outs; c += PX_GRADIENT_BLOCK)
        for (size_t i = 0; i < b->ins; i++) {
            int part = (int)((b->in + i) / ic);
            float *to =
                (float *)run->buffers->weights +
                ((b->out + c) * ic + (b->in + i) % ic * PX_GRADIENT_BLOCK) * kernel * kernel;

            square.sums = b->sums + i * SUMS_PITCH + c;
            for (int t = 0; t < s->taps * s->taps; t++) {
                int y = s->gather * (t / s->taps) + part / s->gather;
                int x = s->gather * (t % s->taps) + part % s->gather;
                square.pixel[t] = to + (y * g->desc.kernel + x) * PX_GRADIENT_BLOCK;
            }
            px_minimal_give(&square, s->taps, s->side);
        }
}

void px_winograd_gradient_run(const struct px_winograd_gradient *g,
                              const struct px_conv_buffers *buffers, void *scratch)
{
    size_t depth = g->shape.depth, oc = (size_t)g->desc.oc;
    size_t across = (oc + BLOCK_OUT - 1) / BLOCK_OUT;
    size_t blocks = (depth + BLOCK_IN - 1) / BLOCK_IN * across;
    struct gradient_run run = {.g = g, .buffers = buffers, .patches = scratch};

    run.kernels = run.patches + elements_of(g) * patch_step(g);
    run.sums = run.kernels + elements_of(g) * kernel_step(g);
#pragma omp parallel num_threads(g->threads)
    {
#pragma omp for schedule(static)
        for (size_t i = 0; i < g->squares; i++) {
            float *out = run.patches + i * px_winograd_pitch(depth);

            px_winograd_take(&g->shape, buffers->src, i, out, patch_step(g));
            take_kernel(&run, i);
        }
#pragma omp for schedule(dynamic)
        for (size_t n = 0; n < blocks; n++) {
            size_t in = n / across * BLOCK_IN, out = n % across * BLOCK_OUT;
            size_t thread = (size_t)omp_get_thread_num();
            const struct gradient_block block = {
                .in = in,
                .ins = px_at_most(depth - in, BLOCK_IN),
                .out = out,
                .outs = px_at_most(oc - out, BLOCK_OUT),
                .sums = run.sums + thread * elements_of(g) * sums_step(),
            };

            multiply(&run, &block);
            give(&run, &block);
        }
    }
}
