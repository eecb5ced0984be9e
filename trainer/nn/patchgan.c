#include "trainer/nn/patchgan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/nn/parts/conv_layer.h"
#include "trainer/nn/parts/element.h"
#include "trainer/nn/parts/floats.h"
#include "trainer/nn/parts/norm.h"

enum { MAX_LAYERS = PX_MAX_D_LAYERS + 2 };

/* A layer of a form; the numbers are positions in its nn.Sequential. */
struct spec {
    int conv, norm; /* norm -1: none, and none with the form's norm none */
    int in, out;    /* channels */
    int kernel, stride, pad;
    bool bias;
};

struct layer {
    struct px_conv_layer conv;
    struct px_norm_layer norm; /* not used by the last layer */
    void *in, *din;            /* din NULL where no gradient is wanted; f32 in the first layer */
    void *raw, *draw;          /* raw is f32 in the last layer */
    size_t raw_count;
    int running_mean, running_var; /* -1 where there is none */
};

struct px_patchgan {
    struct px_patchgan_options options;
    struct px_weights *weights;       /* borrowed */
    struct px_parameters *parameters; /* theirs */
    int layer_count;
    float *dlogits;
    struct spec specs[MAX_LAYERS];
    struct layer layers[MAX_LAYERS];
};

static int n_layer_specs(const struct px_patchgan_form *form, struct spec *specs)
{
    int n = form->n_layers, in = form->input_nc;

    for (int i = 0; i <= n + 1; i++) {
        bool last = i == n + 1, outer = i == 0 || last;
        specs[i] = (struct spec){.conv = i ? 3 * i - 1 : 0,
                                 .norm = outer ? -1 : 3 * i,
                                 .in = in,
                                 .out = last ? 1 : form->ndf << (i < 3 ? i : 3),
                                 .kernel = 4,
                                 .stride = i < n ? 2 : 1,
                                 .pad = 1,
                                 .bias = outer || form->norm == PX_NORM_INSTANCE};
        in = specs[i].out;
    }
    return n + 2;
}

static int pixel_specs(const struct px_patchgan_form *form, struct spec *specs)
{
    bool bias = form->norm == PX_NORM_INSTANCE;
    int ndf = form->ndf;

    specs[0] = (struct spec){0, -1, form->input_nc, ndf, 1, 1, 0, true};
    specs[1] = (struct spec){2, 3, ndf, 2 * ndf, 1, 1, 0, bias};
    specs[2] = (struct spec){5, -1, 2 * ndf, 1, 1, 1, 0, bias};
    return 3;
}

static int make_specs(const struct px_patchgan_form *form, struct spec *specs)
{
    return form->n_layers ? n_layer_specs(form, specs) : pixel_specs(form, specs);
}

static void name_tensor(const struct px_patchgan_form *form, int position, const char *what,
                        char *out, size_t room)
{
    snprintf(out, room, "%s.%d.%s", form->n_layers ? "model" : "net", position, what);
}

int px_patchgan_map(int n_layers, int size)
{
    if (n_layers == 0)
        return size;
    return (size >> n_layers) - 2;
}

/* Where tensors are added, and of which network. */
struct sink {
    struct px_parameters *parameters;
    const struct px_patchgan_form *form;
};

static int add(const struct sink *sink, int position, const char *what,
               const struct px_parameter *like, struct px_error *err)
{
    char name[64];

    name_tensor(sink->form, position, what, name, sizeof name);
    int index = px_parameters_add(sink->parameters, name, like->kind, like->shape, like->ndim, err);
    return index < 0 ? index : 0;
}

/* Batch norm has tensors, instance norm none. */
static bool has_affine(const struct px_patchgan_form *form, const struct spec *s)
{
    return s->norm >= 0 && form->norm == PX_NORM_BATCH;
}

static int add_layer(const struct sink *sink, const struct spec *s, struct px_error *err)
{
    const struct px_parameter weight = {
        .kind = PX_PARAMETER_WEIGHT, .shape = {s->out, s->in, s->kernel, s->kernel}, .ndim = 4};
    const struct px_parameter gamma = {.kind = PX_PARAMETER_GAMMA, .shape = {s->out}, .ndim = 1};
    const struct px_parameter zero = {.kind = PX_PARAMETER_ZERO, .shape = {s->out}, .ndim = 1};

    int rc = add(sink, s->conv, "weight", &weight, err);
    if (!rc && s->bias)
        rc = add(sink, s->conv, "bias", &zero, err);
    if (rc || !has_affine(sink->form, s))
        return rc;
    rc = add(sink, s->norm, "weight", &gamma, err);
    return rc ? rc : add(sink, s->norm, "bias", &zero, err);
}

static int add_buffers(const struct sink *sink, const struct spec *s, struct px_error *err)
{
    const struct px_parameter mean = {.kind = PX_BUFFER_ZERO, .shape = {s->out}, .ndim = 1};
    const struct px_parameter var = {.kind = PX_BUFFER_ONE, .shape = {s->out}, .ndim = 1};

    if (!has_affine(sink->form, s))
        return 0;
    int rc = add(sink, s->norm, "running_mean", &mean, err);
    return rc ? rc : add(sink, s->norm, "running_var", &var, err);
}

int px_patchgan_parameters(struct px_parameters *parameters, const struct px_patchgan_form *form,
                           struct px_error *err)
{
    const struct sink sink = {parameters, form};
    struct spec specs[MAX_LAYERS];
    int n = make_specs(form, specs), rc = 0;

    for (int i = 0; i < n && !rc; i++)
        rc = add_layer(&sink, &specs[i], err);
    for (int i = 0; i < n && !rc; i++)
        rc = add_buffers(&sink, &specs[i], err);
    return rc ? rc : px_parameters_allocate(parameters, err);
}

static int find(const struct px_patchgan *gan, int position, const char *what)
{
    char name[64];

    name_tensor(&gan->options.form, position, what, name, sizeof name);
    return px_parameters_find(gan->parameters, name);
}

static bool is_last(const struct px_patchgan *gan, int i)
{
    return i == gan->layer_count - 1;
}

/* As in the generator, a bias before an instance norm changes nothing and stays as it is. */
static int init_conv(struct px_patchgan *gan, struct px_dnn *dnn, int i, const int *size,
                     struct px_error *err)
{
    const struct px_patchgan_options *o = &gan->options;
    const struct spec *s = &gan->specs[i];
    bool centred = s->norm >= 0 && o->form.norm != PX_NORM_NONE;
    const struct px_conv_layer_desc desc = {.n = o->n,
                                            .height = size[0],
                                            .width = size[1],
                                            .in = s->in,
                                            .out = s->out,
                                            .kernel = s->kernel,
                                            .stride = s->stride,
                                            .pad = s->pad,
                                            .train_weights = o->train_weights,
                                            .train_input = i > 0 || o->train_input,
                                            .weight = find(gan, s->conv, "weight"),
                                            .bias = centred ? -1 : find(gan, s->conv, "bias"),
                                            .dtype = o->dtype,
                                            .result = is_last(gan, i) ? PX_F32 : o->dtype,
                                            .dinput = i > 0 ? o->dtype : PX_F32};

    return px_conv_layer_init(&gan->layers[i].conv, dnn, gan->weights, &desc, err);
}

static int init_norm(struct px_patchgan *gan, int i, struct px_error *err)
{
    const struct px_patchgan_options *o = &gan->options;
    const struct spec *s = &gan->specs[i];
    struct px_parameters *p = gan->parameters;
    struct layer *l = &gan->layers[i], *next = l + 1;
    int groups = o->form.norm == PX_NORM_INSTANCE ? o->n : o->groups;

    l->norm = (struct px_norm_layer){
        .channels = s->out,
        .groups = groups,
        .pixels = l->raw_count / (size_t)(s->out * groups),
        .threads = o->threads,
        .dtype = o->dtype,
        .normalise = s->norm >= 0 && o->form.norm != PX_NORM_NONE,
        .x = l->raw,
        .dx = l->draw,
        .target_count = 1,
        .targets = {
            {.data = next->in, .gradient = next->din, .pitch = (size_t)s->out, .slope = 0.2f}}};
    l->running_mean = l->running_var = -1;
    if (has_affine(&o->form, s)) {
        int gamma = find(gan, s->norm, "weight"), beta = find(gan, s->norm, "bias");
        l->norm.gamma = p->value + p->list[gamma].offset;
        l->norm.beta = p->value + p->list[beta].offset;
        if (o->train_weights) {
            l->norm.dgamma = px_parameters_gradient(p, gamma);
            l->norm.dbeta = px_parameters_gradient(p, beta);
        }
        l->running_mean = find(gan, s->norm, "running_mean");
        l->running_var = find(gan, s->norm, "running_var");
    }
    return px_norm_layer_init(&l->norm, err);
}

static int init_layers(struct px_patchgan *gan, struct px_dnn *dnn, struct px_error *err)
{
    const struct px_patchgan_options *o = &gan->options;
    int size[2] = {o->height, o->width}, rc = 0;

    for (int i = 0; i < gan->layer_count && !rc; i++) {
        const struct spec *s = &gan->specs[i];
        struct layer *l = &gan->layers[i];
        size_t in = (size_t)o->n * (size_t)size[0] * (size_t)size[1] * (size_t)s->in;
        rc = init_conv(gan, dnn, i, size, err);
        for (int d = 0; d < 2; d++)
            size[d] = (size[d] + 2 * s->pad - s->kernel) / s->stride + 1;
        l->raw_count = (size_t)o->n * (size_t)size[0] * (size_t)size[1] * (size_t)s->out;
        l->in = px_elements(in, o->dtype);
        l->din = i > 0 ? px_elements(in, o->dtype) : o->train_input ? px_floats(in) : NULL;
        l->raw = px_elements(l->raw_count, is_last(gan, i) ? PX_F32 : o->dtype);
        l->draw = px_elements(l->raw_count, o->dtype);
        if (!rc && (!l->in || !l->raw || !l->draw || ((i > 0 || o->train_input) && !l->din)))
            rc = px_fail(err, PX_E_NOMEM, "no memory for the activations of the discriminator");
    }
    for (int i = 0; i < gan->layer_count - 1 && !rc; i++)
        rc = init_norm(gan, i, err);
    gan->dlogits = px_floats(gan->layers[gan->layer_count - 1].raw_count);
    if (!rc && !gan->dlogits)
        rc = px_fail(err, PX_E_NOMEM, "no memory for the gradient of the discriminator");
    return rc;
}

int px_patchgan_create(struct px_patchgan **out, struct px_dnn *dnn, struct px_weights *weights,
                       const struct px_patchgan_options *options, struct px_error *err)
{
    struct px_patchgan *gan = calloc(1, sizeof *gan);

    if (!gan)
        return px_fail(err, PX_E_NOMEM, "no memory for a discriminator");
    gan->options = *options;
    gan->weights = weights;
    gan->parameters = px_weights_parameters(weights);
    gan->layer_count = make_specs(&options->form, gan->specs);
    int rc = init_layers(gan, dnn, err);
    if (rc) {
        px_patchgan_destroy(gan);
        return rc;
    }
    *out = gan;
    return 0;
}

void px_patchgan_destroy(struct px_patchgan *gan)
{
    if (!gan)
        return;
    for (int i = 0; i < gan->layer_count; i++) {
        struct layer *l = &gan->layers[i];
        px_conv_layer_clear(&l->conv);
        px_norm_layer_clear(&l->norm);
        free(l->in);
        free(l->din);
        free(l->raw);
        free(l->draw);
    }
    free(gan->dlogits);
    free(gan);
}

void *px_patchgan_input(struct px_patchgan *gan)
{
    return gan->layers[0].in;
}

const float *px_patchgan_input_gradient(const struct px_patchgan *gan)
{
    return gan->layers[0].din;
}

float *px_patchgan_logits_gradient(struct px_patchgan *gan)
{
    return gan->dlogits;
}

int px_patchgan_forward(struct px_patchgan *gan, const float **logits, size_t *count,
                        struct px_error *err)
{
    float *value = gan->parameters->value;

    for (int i = 0; i < gan->layer_count; i++) {
        struct layer *l = &gan->layers[i];
        int rc = px_conv_layer_forward(&l->conv, l->in, l->raw, err);
        if (rc)
            return rc;
        if (is_last(gan, i))
            break;
        px_norm_layer_forward(&l->norm);
        if (l->running_mean >= 0)
            px_norm_layer_update_running(&l->norm,
                                         value + gan->parameters->list[l->running_mean].offset,
                                         value + gan->parameters->list[l->running_var].offset);
    }
    *logits = gan->layers[gan->layer_count - 1].raw;
    *count = gan->layers[gan->layer_count - 1].raw_count;
    return 0;
}

int px_patchgan_backward(struct px_patchgan *gan, const struct px_update *update,
                         struct px_error *err)
{
    struct layer *l = &gan->layers[gan->layer_count - 1];

    px_elements_round(gan->dlogits, l->raw_count, gan->options.dtype, l->draw);
    for (int i = gan->layer_count - 1; i >= 0; i--, l--) {
        const struct px_conv_gradients g = {l->in, l->draw, l->din};
        if (!is_last(gan, i))
            px_norm_layer_backward(&l->norm);
        int rc = px_conv_layer_backward(&l->conv, &g, update, err);
        if (rc)
            return rc;
    }
    if (gan->options.train_weights) {
        px_weights_finish(gan->weights, update);
        px_parameters_update(gan->parameters, update);
    }
    return 0;
}
