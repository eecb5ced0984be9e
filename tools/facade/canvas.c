#include "tools/facade/canvas.h"

#include <stdlib.h>

#include "base/checked.h"

int px_canvas_init(struct px_canvas *canvas, int samples, struct px_error *err)
{
    size_t count;

    canvas->samples = samples;
    canvas->data = NULL;
    if (px_mul((size_t)samples, (size_t)samples, &count))
        canvas->data = calloc(count, sizeof(*canvas->data));
    if (canvas->data == NULL)
        return px_fail(err, PX_E_NOMEM, "no memory for a canvas of %dx%d samples", samples,
                       samples);
    return 0;
}

void px_canvas_clear(struct px_canvas *canvas)
{
    free(canvas->data);
    canvas->data = NULL;
}

int px_canvas_isqrt(int64_t n)
{
    uint64_t rest = (uint64_t)n, root = 0, bit = UINT64_C(1) << 40;

    while (bit > rest)
        bit >>= 2;
    for (; bit != 0; bit >>= 2) {
        if (rest >= root + bit) {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (int)root;
}

struct px_canvas_shape px_canvas_rect(int x, int y, int width, int height)
{
    return (struct px_canvas_shape){.top = y,
                                    .bottom = y + height,
                                    .top_left = x,
                                    .top_right = x + width,
                                    .bottom_left = x,
                                    .bottom_right = x + width};
}

bool px_canvas_shape_span(const struct px_canvas_shape *s, int v, int *left, int *right)
{
    int t = v - s->top, height = s->bottom - s->top;

    if (t < 0 || t >= height)
        return false;
    *left = s->top_left + (s->bottom_left - s->top_left) * t / height;
    *right = s->top_right + (s->bottom_right - s->top_right) * t / height;
    if (t < s->rise) {
        int half = (s->top_right - s->top_left) / 2, middle = s->top_left + half;
        int radius = (half * half + s->rise * s->rise) / (2 * s->rise);
        int dy = radius - t;
        int dx = px_canvas_isqrt((int64_t)radius * radius - (int64_t)dy * dy);

        *left = middle - dx > *left ? middle - dx : *left;
        *right = middle + dx < *right ? middle + dx : *right;
    }
    return *left < *right;
}

/* The unit at the centre of sample i. */
static int centre(const struct px_canvas *canvas, int i)
{
    return (2 * i + 1) * (PX_CANVAS_SIDE / 2) / canvas->samples;
}

/* The first sample whose centre is at or after unit u, within the canvas. */
static int first_sample(const struct px_canvas *canvas, int u)
{
    int n = canvas->samples, i;

    if (u <= 0)
        return 0;
    if (u >= PX_CANVAS_SIDE)
        return n;
    i = (int)((int64_t)u * n / PX_CANVAS_SIDE) - 1;
    i = i < 0 ? 0 : i;
    while (i < n && centre(canvas, i) < u)
        i++;
    return i;
}

/* One row of a shape: samples [begin, end) of row `row`, at height v. */
struct row {
    struct px_canvas_rgb *data;
    int begin, end, v;
};

static bool next_row(const struct px_canvas *canvas, const struct px_canvas_shape *shape, int index,
                     struct row *row)
{
    int left, right;

    row->v = centre(canvas, index);
    if (!px_canvas_shape_span(shape, row->v, &left, &right))
        return false;
    row->data = canvas->data + (size_t)index * (size_t)canvas->samples;
    row->begin = first_sample(canvas, left);
    row->end = first_sample(canvas, right);
    return row->begin < row->end;
}

void px_canvas_fill(struct px_canvas *canvas, const struct px_canvas_shape *shape,
                    struct px_canvas_rgb colour)
{
    int end = first_sample(canvas, shape->bottom);
    struct row row;

    for (int j = first_sample(canvas, shape->top); j < end; j++)
        if (next_row(canvas, shape, j, &row))
            for (int i = row.begin; i < row.end; i++)
                row.data[i] = colour;
}

void px_canvas_paint(struct px_canvas *canvas, const struct px_canvas_shape *shape, px_paint *paint,
                     const void *context)
{
    int end = first_sample(canvas, shape->bottom);
    struct row row;

    for (int j = first_sample(canvas, shape->top); j < end; j++)
        if (next_row(canvas, shape, j, &row))
            for (int i = row.begin; i < row.end; i++)
                row.data[i] = paint(context, centre(canvas, i), row.v, row.data[i]);
}

void px_canvas_shade(struct px_canvas *canvas, const struct px_canvas_shape *shape, int from,
                     int to)
{
    int end = first_sample(canvas, shape->bottom), height = shape->bottom - shape->top;
    struct row row;

    for (int j = first_sample(canvas, shape->top); j < end; j++) {
        if (!next_row(canvas, shape, j, &row))
            continue;
        int k = from + (to - from) * (row.v - shape->top) / height;
        for (int i = row.begin; i < row.end; i++)
            row.data[i] = px_canvas_scale(row.data[i], k);
    }
}

void px_canvas_stroke(struct px_canvas *canvas, const struct px_stroke *s,
                      struct px_canvas_rgb colour)
{
    int64_t dx = s->x1 - s->x0, dy = s->y1 - s->y0, length2 = dx * dx + dy * dy;
    int64_t reach2 = (int64_t)s->width * s->width; /* (2 * radius)^2 */
    int r = s->width / 2 + 1;
    int left = (s->x0 < s->x1 ? s->x0 : s->x1) - r, right = (s->x0 < s->x1 ? s->x1 : s->x0) + r;
    int top = (s->y0 < s->y1 ? s->y0 : s->y1) - r, bottom = (s->y0 < s->y1 ? s->y1 : s->y0) + r;
    struct px_canvas_shape box = px_canvas_rect(left, top, right - left, bottom - top);
    int end = first_sample(canvas, bottom);
    struct row row;

    for (int j = first_sample(canvas, top); j < end; j++) {
        if (!next_row(canvas, &box, j, &row))
            continue;
        for (int i = row.begin; i < row.end; i++) {
            int64_t px = centre(canvas, i) - s->x0, py = row.v - s->y0;
            int64_t along = px * dx + py * dy, near2;

            if (along <= 0)
                near2 = px * px + py * py;
            else if (along >= length2)
                near2 = (px - dx) * (px - dx) + (py - dy) * (py - dy);
            else
                near2 = px * px + py * py - along * along / length2;
            if (4 * near2 <= reach2)
                row.data[i] = colour;
        }
    }
}

void px_canvas_reduce(const struct px_canvas *canvas, struct px_image *image, uint32_t left)
{
    int size = (int)image->height, k = canvas->samples / size, n = k * k;

    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
            int r = n / 2, g = n / 2, b = n / 2;

            for (int s = 0; s < n; s++) {
                const struct px_canvas_rgb *c = canvas->data +
                                                (size_t)(y * k + s / k) * (size_t)canvas->samples +
                                                x * k + s % k;
                r += c->r;
                g += c->g;
                b += c->b;
            }
            uint8_t *out =
                image->data + ((size_t)y * image->width + left + (size_t)x) * image->channels;
            out[0] = (uint8_t)(r / n);
            out[1] = (uint8_t)(g / n);
            out[2] = (uint8_t)(b / n);
        }
    }
}
