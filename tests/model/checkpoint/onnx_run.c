#include "tests/model/checkpoint/onnx_reader.h"

#include "tests/check.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A node at work. */
struct task {
    const struct onnx_run *run;
    const struct onnx_node *node;
    struct onnx_array out;
};

static struct onnx_array blank(int n, int c, int h, int w)
{
    assert_true(n > 0 && c > 0 && h > 0 && w > 0);
    double *data = calloc((size_t)n * (size_t)c * (size_t)h * (size_t)w, sizeof *data);
    assert_non_null(data);
    return (struct onnx_array){n, c, h, w, data};
}

static size_t elements(const struct onnx_array *a)
{
    return (size_t)a->n * (size_t)a->c * (size_t)a->h * (size_t)a->w;
}

static double *plane(const struct onnx_array *a, int n, int c)
{
    return a->data + ((size_t)n * (size_t)a->c + (size_t)c) * (size_t)a->h * (size_t)a->w;
}

const struct onnx_array *onnx_result(const struct onnx_run *run, const char *name)
{
    if (strcmp(name, run->model->input.name) == 0)
        return run->input;
    for (int i = 0; i < run->model->node_count; i++)
        if (strcmp(run->model->nodes[i].output, name) == 0 && run->results[i].data)
            return &run->results[i];
    fail_msg("nothing has given '%s'", name);
    return NULL;
}

static const struct onnx_array *input(const struct task *t, int i)
{
    assert_true(i < t->node->input_count);
    return onnx_result(t->run, t->node->inputs[i]);
}

/* Input i as an initializer of `ndim` dimensions. */
static const struct onnx_tensor *parameter(const struct task *t, int i, int ndim)
{
    assert_true(i < t->node->input_count);
    const struct onnx_tensor *tensor = onnx_find(t->run->model, t->node->inputs[i]);
    assert_non_null(tensor);
    assert_int_equal(tensor->ndim, ndim);
    return tensor;
}

static double value(const struct onnx_tensor *tensor, size_t i)
{
    float f;

    assert_int_equal(tensor->type, ONNX_FLOAT);
    assert_true((i + 1) * sizeof f <= tensor->bytes);
    memcpy(&f, tensor->data + i * sizeof f, sizeof f);
    return (double)f;
}

/* Integer k of an attribute; `fallback` where it is absent. */
static int setting(const struct task *t, const char *name, int k, int fallback)
{
    const struct onnx_attribute *a = onnx_attribute(t->node, name);

    if (!a)
        return fallback;
    assert_true(a->type == 2 || a->type == 7);
    assert_true(k < a->count);
    return (int)a->integers[k];
}

static double number(const struct task *t, const char *name)
{
    const struct onnx_attribute *a = onnx_attribute(t->node, name);

    assert_non_null(a);
    assert_int_equal(a->type, 1);
    return (double)a->number;
}

struct window { /* of a convolution; same for height and width */
    int kernel, stride, pad, output_padding;
};

static struct window window(const struct task *t)
{
    struct window w = {setting(t, "kernel_shape", 0, -1), setting(t, "strides", 0, 1),
                       setting(t, "pads", 0, 0), setting(t, "output_padding", 0, 0)};

    assert_int_equal(setting(t, "kernel_shape", 1, -1), w.kernel);
    assert_int_equal(setting(t, "strides", 1, 1), w.stride);
    assert_int_equal(setting(t, "output_padding", 1, 0), w.output_padding);
    for (int i = 1; i < 4; i++)
        assert_int_equal(setting(t, "pads", i, 0), w.pad);
    return w;
}

/* Joins every pixel (y, x) of the smaller array with the pixels (y * stride + k - pad, ...) of the
 * larger, as Conv gathers and ConvTranspose scatters; a and b are channels of the smaller and the
 * larger. */
static void join(const struct task *t, const struct window *w, const struct onnx_array *small,
                 const struct onnx_array *large, bool gather)
{
    const struct onnx_tensor *weight = parameter(t, 1, 4);

    assert_int_equal(weight->shape[0], small->c);
    assert_int_equal(weight->shape[1], large->c);
    assert_int_equal(weight->shape[2], w->kernel);
    assert_int_equal(weight->shape[3], w->kernel);
    for (int i = 0; i < small->n * small->c * large->c * w->kernel * w->kernel; i++) {
        int tap = i % (w->kernel * w->kernel), pair = i / (w->kernel * w->kernel);
        int b = pair % large->c, a = pair / large->c % small->c, n = pair / large->c / small->c;
        size_t index = ((size_t)a * (size_t)large->c + (size_t)b) * (size_t)(w->kernel * w->kernel);
        double factor = value(weight, index + (size_t)tap);
        double *s = plane(small, n, a), *l = plane(large, n, b);

        for (int y = 0; y < small->h; y++)
            for (int x = 0; x < small->w; x++) {
                int v = y * w->stride + tap / w->kernel - w->pad;
                int u = x * w->stride + tap % w->kernel - w->pad;
                if (v < 0 || u < 0 || v >= large->h || u >= large->w)
                    continue;
                if (gather)
                    s[y * small->w + x] += factor * l[v * large->w + u];
                else
                    l[v * large->w + u] += factor * s[y * small->w + x];
            }
    }
}

static void add_bias(struct task *t)
{
    if (t->node->input_count < 3)
        return;
    const struct onnx_tensor *bias = parameter(t, 2, 1);
    assert_int_equal(bias->shape[0], t->out.c);
    for (int i = 0; i < t->out.n * t->out.c; i++)
        for (int k = 0; k < t->out.h * t->out.w; k++)
            plane(&t->out, i / t->out.c, i % t->out.c)[k] += value(bias, (size_t)(i % t->out.c));
}

static void conv(struct task *t)
{
    const struct onnx_array *in = input(t, 0);
    struct window w = window(t);

    t->out = blank(in->n, (int)parameter(t, 1, 4)->shape[0],
                   (in->h + 2 * w.pad - w.kernel) / w.stride + 1,
                   (in->w + 2 * w.pad - w.kernel) / w.stride + 1);
    join(t, &w, &t->out, in, true);
    add_bias(t);
}

static void conv_transpose(struct task *t)
{
    const struct onnx_array *in = input(t, 0);
    struct window w = window(t);

    t->out = blank(in->n, (int)parameter(t, 1, 4)->shape[1],
                   (in->h - 1) * w.stride - 2 * w.pad + w.kernel + w.output_padding,
                   (in->w - 1) * w.stride - 2 * w.pad + w.kernel + w.output_padding);
    join(t, &w, in, &t->out, false);
    add_bias(t);
}

static void concat(struct task *t)
{
    const struct onnx_array *a = input(t, 0), *b = input(t, 1);

    assert_int_equal(t->node->input_count, 2);
    assert_int_equal(setting(t, "axis", 0, -1), 1);
    assert_true(a->n == b->n && a->h == b->h && a->w == b->w);
    t->out = blank(a->n, a->c + b->c, a->h, a->w);
    for (int n = 0; n < a->n; n++) {
        size_t pixels = (size_t)a->h * (size_t)a->w;
        memcpy(plane(&t->out, n, 0), plane(a, n, 0), (size_t)a->c * pixels * sizeof(double));
        memcpy(plane(&t->out, n, a->c), plane(b, n, 0), (size_t)b->c * pixels * sizeof(double));
    }
}

static void add(struct task *t)
{
    const struct onnx_array *a = input(t, 0), *b = input(t, 1);

    assert_int_equal(t->node->input_count, 2);
    assert_true(a->n == b->n && a->c == b->c && a->h == b->h && a->w == b->w);
    t->out = blank(a->n, a->c, a->h, a->w);
    for (size_t i = 0; i < elements(a); i++)
        t->out.data[i] = a->data[i] + b->data[i];
}

/* The pixel of 0 .. size - 1 that is seen at i when both edges are mirrors. */
static int mirrored(int i, int size)
{
    i = i < 0 ? -i : i;
    return i >= size ? 2 * (size - 1) - i : i;
}

static void reflect(struct task *t)
{
    const struct onnx_array *in = input(t, 0);
    const struct onnx_tensor *pads = parameter(t, 1, 1);
    const struct onnx_attribute *mode = onnx_attribute(t->node, "mode");
    int64_t p[8]; /* before: n, c, h, w; after: n, c, h, w */

    assert_non_null(mode);
    assert_int_equal(mode->type, 3);
    assert_string_equal(mode->string, "reflect");
    assert_int_equal(pads->type, ONNX_INT64);
    assert_int_equal(pads->bytes, sizeof p);
    memcpy(p, pads->data, sizeof p);
    assert_true(p[0] == 0 && p[1] == 0 && p[4] == 0 && p[5] == 0);
    t->out = blank(in->n, in->c, in->h + (int)(p[2] + p[6]), in->w + (int)(p[3] + p[7]));
    for (int i = 0; i < in->n * in->c; i++)
        for (int y = 0; y < t->out.h; y++)
            for (int x = 0; x < t->out.w; x++)
                plane(&t->out, 0, i)[y * t->out.w + x] = plane(
                    in, 0,
                    i)[mirrored(y - (int)p[2], in->h) * in->w + mirrored(x - (int)p[3], in->w)];
}

/* (x - mean) / sqrt(variance + epsilon) * scale + bias of every plane. */
static void normalise(struct task *t, bool running)
{
    const struct onnx_array *in = input(t, 0);
    int pixels = in->h * in->w;

    assert_int_equal(t->node->input_count, running ? 5 : 3);
    for (int i = 1; i < t->node->input_count; i++)
        assert_int_equal(parameter(t, i, 1)->shape[0], in->c);
    t->out = blank(in->n, in->c, in->h, in->w);
    for (int i = 0; i < in->n * in->c; i++) {
        size_t c = (size_t)(i % in->c);
        double *x = plane(in, 0, i), *y = plane(&t->out, 0, i), mean = 0, variance = 0;

        for (int k = 0; k < pixels; k++)
            mean += x[k] / pixels;
        for (int k = 0; k < pixels; k++)
            variance += (x[k] - mean) * (x[k] - mean) / pixels;
        if (running) {
            mean = value(parameter(t, 3, 1), c);
            variance = value(parameter(t, 4, 1), c);
        }
        double scale = value(parameter(t, 1, 1), c) / sqrt(variance + number(t, "epsilon"));
        for (int k = 0; k < pixels; k++)
            y[k] = (x[k] - mean) * scale + value(parameter(t, 2, 1), c);
    }
}

static void activate(struct task *t)
{
    const struct onnx_array *in = input(t, 0);
    bool is_tanh = strcmp(t->node->op, "Tanh") == 0;
    double slope = strcmp(t->node->op, "LeakyRelu") == 0 ? number(t, "alpha") : 0;

    t->out = blank(in->n, in->c, in->h, in->w);
    for (size_t i = 0; i < elements(in); i++) {
        double x = in->data[i];
        t->out.data[i] = is_tanh ? tanh(x) : x < 0 ? slope * x : x;
    }
}

void onnx_run(struct onnx_run *run, const struct onnx_model *model, const struct onnx_array *in)
{
    *run = (struct onnx_run){model, in, calloc((size_t)model->node_count, sizeof *run->results)};
    for (int i = 0; i < model->node_count; i++) {
        struct task t = {.run = run, .node = &model->nodes[i]};
        const char *op = t.node->op;

        if (strcmp(op, "Conv") == 0)
            conv(&t);
        else if (strcmp(op, "ConvTranspose") == 0)
            conv_transpose(&t);
        else if (strcmp(op, "Concat") == 0)
            concat(&t);
        else if (strcmp(op, "Add") == 0)
            add(&t);
        else if (strcmp(op, "Pad") == 0)
            reflect(&t);
        else if (strcmp(op, "InstanceNormalization") == 0)
            normalise(&t, false);
        else if (strcmp(op, "BatchNormalization") == 0)
            normalise(&t, true);
        else if (strcmp(op, "Relu") == 0 || strcmp(op, "LeakyRelu") == 0 || strcmp(op, "Tanh") == 0)
            activate(&t);
        else
            fail_msg("operator '%s'", op);
        run->results[i] = t.out;
    }
}

void onnx_run_free(struct onnx_run *run)
{
    for (int i = 0; i < run->model->node_count; i++)
        free(run->results[i].data);
    free(run->results);
}
