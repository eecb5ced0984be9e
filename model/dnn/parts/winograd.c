#include "model/dnn/parts/winograd_parts.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>

/* From this many squares a thread on, threads work apart: each reads all the weights, but none
 * waits for another, and what it transforms stays in its own caches. */
static const size_t APART = 64;

/* The most squares at once, and how many bytes of them a second-level cache keeps. */
static const size_t MOST = 96, CACHED = 768 << 10;

/* Some squares on their way. */
struct lot {
    const struct px_winograd *w;
    const struct px_conv_buffers *buffers;
    size_t first, count;   /* squares, counted over all pictures */
    float *patches, *sums; /* transformed, and their products: [element][square][channel] */
};

static size_t elements_of(const struct px_winograd *w)
{
    return (size_t)(w->shape.points * w->shape.points);
}

/* Floats from one element to the next. */
static size_t patch_step(const struct px_winograd *w)
{
    return w->at_once * px_winograd_pitch(w->shape.depth) + 16;
}

static size_t sum_step(const struct px_winograd *w)
{
    return w->at_once * px_winograd_pitch(w->shape.width) + 16;
}

/* Floats of a lot's memory. */
static size_t lot_size(const struct px_winograd *w)
{
    return (elements_of(w) * (patch_step(w) + sum_step(w)) + 15) / 16 * 16;
}

/* How many squares fit the cache, unless reading the weights for so few takes longer than moving
 * more of them out of it and back. */
static size_t best_at_once(const struct px_winograd *w)
{
    size_t depth = px_winograd_pitch(w->shape.depth), width = px_winograd_pitch(w->shape.width);
    size_t square = elements_of(w) * (depth + width) * sizeof(float);
    size_t weights = elements_of(w) * w->shape.depth * w->shape.width * sizeof(float);
    size_t rows = w->multiplier->rows, few = CACHED / square / rows * rows;

    if (few < rows)
        few = rows;
    return few >= MOST || weights / few > weights / MOST + 2 * square ? MOST : few;
}

static void divide_squares(struct px_winograd *w)
{
    size_t threads = (size_t)w->threads, rows = w->multiplier->rows;

    w->squares = (size_t)w->desc.n * (size_t)w->shape.rows * (size_t)w->shape.columns;
    w->together = w->threads > 1 && w->squares < APART * threads;
    w->at_once = w->squares;
    if (w->together)
        return;
    size_t most = best_at_once(w), lots = (w->squares + most - 1) / most;
    lots = (lots + threads - 1) / threads * threads;
    w->at_once = ((w->squares + lots - 1) / lots + rows - 1) / rows * rows;
}

int px_winograd_create(struct px_winograd **out, const struct px_conv_desc *desc, int threads,
                       struct px_error *err)
{
    struct px_winograd w = {
        .desc = *desc, .multiplier = px_multiplier_of_cpu(), .threads = threads};
    int rc = px_winograd_shape_make(desc, &w.shape, w.name, err);

    if (rc)
        return rc;
    divide_squares(&w);
    struct px_winograd *made = malloc(sizeof *made);
    if (!made)
        return px_fail(err, PX_E_NOMEM, "no memory for a convolution");
    *made = w;
    *out = made;
    return 0;
}

void px_winograd_destroy(struct px_winograd *winograd)
{
    free(winograd);
}

const char *px_winograd_name(const struct px_winograd *winograd)
{
    return winograd->name;
}

size_t px_winograd_scratch(const struct px_winograd *w)
{
    return (w->together ? 1 : (size_t)w->threads) * lot_size(w) * sizeof(float);
}

struct px_winograd_layout px_winograd_layout(const struct px_winograd *w)
{
    return (struct px_winograd_layout){
        .elements = elements_of(w), .depth = w->shape.depth, .columns = w->shape.width};
}

struct px_winograd_packing px_winograd_packing(const struct px_winograd *w)
{
    return (struct px_winograd_packing){.kernel = w->desc.kernel,
                                        .stride = w->desc.stride,
                                        .taps = w->shape.taps,
                                        .points = w->shape.points,
                                        .oc = (size_t)w->desc.oc,
                                        .ic = (size_t)w->desc.ic,
                                        .depth = w->shape.depth,
                                        .width = w->shape.width,
                                        .panel = w->shape.panel,
                                        .parts = (size_t)(w->desc.stride * w->desc.stride),
                                        .back = w->desc.pass == PX_CONV_BACKWARD_DATA};
}

/* What the pass reads and writes. */
static const float *read_from(const struct lot *lot)
{
    bool back = lot->w->desc.pass == PX_CONV_BACKWARD_DATA;

    return back ? lot->buffers->dst : lot->buffers->src;
}

static float *write_to(const struct lot *lot)
{
    bool back = lot->w->desc.pass == PX_CONV_BACKWARD_DATA;

    return back ? lot->buffers->src : lot->buffers->dst;
}

/* Transforms what square i of the lot needs of the input. */
static void take(const struct lot *lot, size_t i)
{
    const struct px_winograd *w = lot->w;
    float *out = lot->patches + i * px_winograd_pitch(w->shape.depth);

    px_winograd_take(&w->shape, read_from(lot), lot->first + i, out, patch_step(w));
}

static size_t panels_of(const struct px_winograd *w)
{
    return (w->shape.width + w->multiplier->panel - 1) / w->multiplier->panel;
}

/* Multiplies one element of all patches of the lot with one panel of the weights. */
static void multiply(const struct lot *lot, size_t element, size_t panel)
{
    const struct px_winograd *w = lot->w;
    size_t depth = w->shape.depth, width = w->shape.width, column = panel * w->multiplier->panel;
    size_t left = width - column;
    const struct px_product product = {
        .rows = lot->patches + element * patch_step(w),
        .count = lot->count,
        .pitch = px_winograd_pitch(depth),
        .step = 1,
        .panel = (const float *)lot->buffers->weights + (element * width + column) * depth,
        .depth = depth,
        .width = left < w->multiplier->panel ? left : w->multiplier->panel,
        .out = lot->sums + element * sum_step(w) + column,
        .out_pitch = px_winograd_pitch(width),
    };

    assert(product.width == w->multiplier->panel || product.width == w->multiplier->narrow);
    w->multiplier->multiply(&product);
}

/* Transforms the sums of square i of the lot into its results; with a stride in parts. */
static void give(const struct lot *lot, size_t i)
{
    const struct px_winograd *w = lot->w;
    const struct px_winograd_shape *s = &w->shape;
    const struct px_winograd_spot at = px_winograd_spot_of(&w->shape, lot->first + i);
    struct px_square square = {.step = sum_step(w),
                               .channels = (size_t)s->oc,
                               .bias = w->desc.bias ? lot->buffers->bias : NULL,
                               .slope = w->desc.relu ? w->desc.slope : 1.0f};
    float *picture = write_to(lot) + at.picture * (size_t)s->oh * (size_t)s->ow * square.channels;

    for (int part = 0; part < s->scatter * s->scatter; part++) {
        int top = s->scatter * at.row + part / s->scatter - s->shift;
        int left = s->scatter * at.column + part % s->scatter - s->shift;

        square.sums = lot->sums + i * px_winograd_pitch(s->width) + (size_t)part * square.channels;
        for (int p = 0; p < s->side * s->side; p++) {
            int y = top + s->scatter * (p / s->side), x = left + s->scatter * (p % s->side);
            bool inside = y >= 0 && y < s->oh && x >= 0 && x < s->ow;

            square.pixel[p] =
                inside ? picture + ((size_t)y * (size_t)s->ow + (size_t)x) * square.channels : NULL;
        }
        px_minimal_give(&square, s->side, s->taps);
    }
}

static void run_together(const struct lot *lot)
{
    size_t panels = panels_of(lot->w), products = elements_of(lot->w) * panels;

#pragma omp parallel num_threads(lot->w->threads)
    {
#pragma omp for schedule(static)
        for (size_t i = 0; i < lot->count; i++)
            take(lot, i);
#pragma omp for schedule(dynamic)
        for (size_t p = 0; p < products; p++)
            multiply(lot, p / panels, p % panels);
#pragma omp for schedule(static)
        for (size_t i = 0; i < lot->count; i++)
            give(lot, i);
    }
}

static void run_alone(const struct lot *lot)
{
    size_t panels = panels_of(lot->w), products = elements_of(lot->w) * panels;

    for (size_t i = 0; i < lot->count; i++)
        take(lot, i);
    for (size_t p = 0; p < products; p++)
        multiply(lot, p / panels, p % panels);
    for (size_t i = 0; i < lot->count; i++)
        give(lot, i);
}

/* The lot from square `first` on, in this part of the scratchpad. */
static struct lot lot_at(const struct px_winograd *w, const struct px_conv_buffers *buffers,
                         size_t first, float *memory)
{
    size_t left = w->squares - first;

    return (struct lot){.w = w,
                        .buffers = buffers,
                        .first = first,
                        .count = left < w->at_once ? left : w->at_once,
                        .patches = memory,
                        .sums = memory + elements_of(w) * patch_step(w)};
}

static void run_apart(const struct px_winograd *w, const struct px_conv_buffers *buffers,
                      float *scratch)
{
#pragma omp parallel for schedule(dynamic) num_threads(w->threads)
    for (size_t first = 0; first < w->squares; first += w->at_once) {
        size_t thread = (size_t)omp_get_thread_num();
        struct lot lot = lot_at(w, buffers, first, scratch + thread * lot_size(w));

        run_alone(&lot);
    }
}

/* One thread needs no team, for which libgomp would allocate memory each time. */
void px_winograd_run(const struct px_winograd *w, const struct px_conv_buffers *buffers,
                     void *scratch)
{
    struct lot lot;

    if (w->together) {
        lot = lot_at(w, buffers, 0, scratch);
        run_together(&lot);
    } else if (w->threads > 1) {
        run_apart(w, buffers, scratch);
    } else {
        for (size_t first = 0; first < w->squares; first += w->at_once) {
            lot = lot_at(w, buffers, first, scratch);
            run_alone(&lot);
        }
    }
}
