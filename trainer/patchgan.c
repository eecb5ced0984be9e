#include "trainer/patchgan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/conv_layer.h"
#include "trainer/floats.h"
#include "trainer/norm.h"

enum { LAYERS = 5 };

/* What NLayerDiscriminator(n_layers=3) is made of; the numbers are positions in its nn.Sequential.
 */
static const struct spec {
    int conv, norm; /* norm -1: none */
    int in, out;    /* in units of ndf; 0: the images' channels, or the single logit */
    int stride;
} specs[LAYERS] = {
    {0, -1, 0, 1, 2}, {2, 3, 1, 2, 2}, {5, 6, 2, 4, 2}, {8, 9, 4, 8, 1}, {11, -1, 8, 0, 1},
};

struct layer {
    struct px_conv_layer conv;
    struct px_norm_layer norm; /* channels 0 where the layer has none */
    float *in, *din;           /* din NULL where no gradient is wanted */
    float *raw, *draw;
    size_t raw_count;
    int running_mean, running_var;
};

struct px_patchgan {
    struct px_patchgan_options options;
    struct px_parameters *parameters; /* borrowed */
    struct layer layers[LAYERS];
};

static int channels_in(const struct spec *s, int input_nc, int ndf)
{
    return s->in ? s->in * ndf : input_nc;
}

static int channels_out(const struct spec *s, int ndf)
{
    return s->out ? s->out * ndf : 1;
}

static int add(struct px_parameters *p, const char *format, int position,
               const struct px_parameter *like, struct px_error *err)
{
    char name[64];

    snprintf(name, sizeof name, "model.%d.%s", position, format);
    int index = px_parameters_add(p, name, like->kind, like->shape, like->ndim, err);
    return index < 0 ? index : 0;
}

static int add_layer(struct px_parameters *p, const struct spec *s, int in, int out,
                     struct px_error *err)
{
    const struct px_parameter weight = {
        .kind = PX_PARAMETER_WEIGHT, .shape = {out, in, 4, 4}, .ndim = 4};
    const struct px_parameter gamma = {.kind = PX_PARAMETER_GAMMA, .shape = {out}, .ndim = 1};
    const struct px_parameter zero = {.kind = PX_PARAMETER_ZERO, .shape = {out}, .ndim = 1};

    int rc = add(p, "weight", s->conv, &weight, err);
    if (!rc && s->norm < 0)
        return add(p, "bias", s->conv, &zero, err);
    if (!rc)
        rc = add(p, "weight", s->norm, &gamma, err);
    if (!rc)
        rc = add(p, "bias", s->norm, &zero, err);
    return rc;
}

static int add_buffers(struct px_parameters *p, const struct spec *s, int out, struct px_error *err)
{
    const struct px_parameter mean = {.kind = PX_BUFFER_ZERO, .shape = {out}, .ndim = 1};
    const struct px_parameter var = {.kind = PX_BUFFER_ONE, .shape = {out}, .ndim = 1};

    if (s->norm < 0)
        return 0;
    int rc = add(p, "running_mean", s->norm, &mean, err);
    return rc ? rc : add(p, "running_var", s->norm, &var, err);
}

int px_patchgan_parameters(struct px_parameters *parameters, int input_nc, int ndf,
                           struct px_error *err)
{
    int rc = 0;

    for (int i = 0; i < LAYERS && !rc; i++)
        rc = add_layer(parameters, &specs[i], channels_in(&specs[i], input_nc, ndf),
                       channels_out(&specs[i], ndf), err);
    for (int i = 0; i < LAYERS && !rc; i++)
        rc = add_buffers(parameters, &specs[i], channels_out(&specs[i], ndf), err);
    return rc ? rc : px_parameters_allocate(parameters, err);
}

static int find(const struct px_patchgan *gan, int position, const char *what)
{
    char name[64];

    snprintf(name, sizeof name, "model.%d.%s", position, what);
    return px_parameters_find(gan->parameters, name);
}

static int init_conv(struct px_patchgan *gan, struct px_dnn *dnn, int i, int size,
                     struct px_error *err)
{
    const struct px_patchgan_options *o = &gan->options;
    const struct spec *s = &specs[i];
    const struct px_conv_layer_desc desc = {.n = o->n,
                                            .height = size,
                                            .width = size,
                                            .in = channels_in(s, o->input_nc, o->ndf),
                                            .out = channels_out(s, o->ndf),
                                            .kernel = 4,
                                            .stride = s->stride,
                                            .pad = 1,
                                            .train_weights = o->train_weights,
                                            .train_input = i > 0 || o->train_input,
                                            .weight = find(gan, s->conv, "weight"),
                                            .bias = find(gan, s->conv, "bias")};

    return px_conv_layer_init(&gan->layers[i].conv, dnn, gan->parameters, &desc, err);
}

static int init_norm(struct px_patchgan *gan, int i, struct px_error *err)
{
    const struct spec *s = &specs[i];
    struct px_parameters *p = gan->parameters;
    struct layer *l = &gan->layers[i], *next = l + 1;
    int out = channels_out(s, gan->options.ndf);

    l->norm = (struct px_norm_layer){
        .channels = out,
        .groups = gan->options.groups,
        .pixels = l->raw_count / (size_t)(out * gan->options.groups),
        .threads = gan->options.threads,
        .x = l->raw,
        .dx = l->draw,
        .target_count = 1,
        .targets = {
            {.data = next->in, .gradient = next->din, .pitch = (size_t)out, .slope = 0.2f}}};
    if (s->norm >= 0) {
        int gamma = find(gan, s->norm, "weight"), beta = find(gan, s->norm, "bias");
        l->norm.gamma = p->value + p->list[gamma].offset;
        l->norm.beta = p->value + p->list[beta].offset;
        if (gan->options.train_weights) {
            l->norm.dgamma = p->gradient + p->list[gamma].offset;
            l->norm.dbeta = p->gradient + p->list[beta].offset;
        }
        l->running_mean = find(gan, s->norm, "running_mean");
        l->running_var = find(gan, s->norm, "running_var");
    }
    return px_norm_layer_init(&l->norm, err);
}

static int init_layers(struct px_patchgan *gan, struct px_dnn *dnn, struct px_error *err)
{
    const struct px_patchgan_options *o = &gan->options;
    int size = o->size, rc = 0;

    for (int i = 0; i < LAYERS && !rc; i++) {
        struct layer *l = &gan->layers[i];
        size_t in = (size_t)o->n * (size_t)size * (size_t)size *
                    (size_t)channels_in(&specs[i], o->input_nc, o->ndf);
        rc = init_conv(gan, dnn, i, size, err);
        size = (size + 2 - 4) / specs[i].stride + 1;
        l->raw_count =
            (size_t)o->n * (size_t)size * (size_t)size * (size_t)channels_out(&specs[i], o->ndf);
        l->in = px_floats(in);
        l->din = i > 0 || o->train_input ? px_floats(in) : NULL;
        l->raw = px_floats(l->raw_count);
        l->draw = px_floats(l->raw_count);
        if (!rc && (!l->in || !l->raw || !l->draw || ((i > 0 || o->train_input) && !l->din)))
            rc = px_fail(err, PX_E_NOMEM, "no memory for the activations of the discriminator");
    }
    for (int i = 0; i < LAYERS - 1 && !rc; i++)
        rc = init_norm(gan, i, err);
    return rc;
}

int px_patchgan_create(struct px_patchgan **out, struct px_dnn *dnn,
                       struct px_parameters *parameters, const struct px_patchgan_options *options,
                       struct px_error *err)
{
    struct px_patchgan *gan = calloc(1, sizeof *gan);

    if (!gan)
        return px_fail(err, PX_E_NOMEM, "no memory for a discriminator");
    gan->options = *options;
    gan->parameters = parameters;
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
    for (int i = 0; i < LAYERS; i++) {
        struct layer *l = &gan->layers[i];
        px_conv_layer_finish(&l->conv);
        px_norm_layer_finish(&l->norm);
        free(l->in);
        free(l->din);
        free(l->raw);
        free(l->draw);
    }
    free(gan);
}

int px_patchgan_refresh(struct px_patchgan *gan, struct px_error *err)
{
    int rc = 0;

    for (int i = 0; i < LAYERS && !rc; i++)
        rc = px_conv_layer_refresh(&gan->layers[i].conv, err);
    return rc;
}

float *px_patchgan_input(struct px_patchgan *gan)
{
    return gan->layers[0].in;
}

const float *px_patchgan_input_gradient(const struct px_patchgan *gan)
{
    return gan->layers[0].din;
}

float *px_patchgan_logits_gradient(struct px_patchgan *gan)
{
    return gan->layers[LAYERS - 1].draw;
}

int px_patchgan_forward(struct px_patchgan *gan, const float **logits, size_t *count,
                        struct px_error *err)
{
    float *value = gan->parameters->value;

    for (int i = 0; i < LAYERS; i++) {
        struct layer *l = &gan->layers[i];
        int rc = px_conv_layer_forward(&l->conv, l->in, l->raw, err);
        if (rc)
            return rc;
        if (i == LAYERS - 1)
            break;
        px_norm_layer_forward(&l->norm);
        if (l->norm.gamma)
            px_norm_layer_update_running(&l->norm,
                                         value + gan->parameters->list[l->running_mean].offset,
                                         value + gan->parameters->list[l->running_var].offset);
    }
    *logits = gan->layers[LAYERS - 1].raw;
    *count = gan->layers[LAYERS - 1].raw_count;
    return 0;
}

int px_patchgan_backward(struct px_patchgan *gan, struct px_error *err)
{
    for (int i = LAYERS - 1; i >= 0; i--) {
        struct layer *l = &gan->layers[i];
        if (i < LAYERS - 1)
            px_norm_layer_backward(&l->norm);
        int rc = px_conv_layer_backward(&l->conv, l->in, l->draw, l->din, err);
        if (rc)
            return rc;
    }
    return 0;
}
