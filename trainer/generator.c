#include "trainer/generator_parts.h"

#include "base/random.h"
#include "trainer/tanh.h"

int px_generator_refresh(struct px_generator *generator, struct px_error *err)
{
    int rc = 0;

    for (int i = 0; i < generator->network.layer_count && !rc; i++)
        rc = px_conv_layer_refresh(&generator->layers[i].conv, err);
    return rc;
}

static void draw_mask(struct px_generator_layer *l, uint64_t seed, uint64_t stream, int threads)
{
    float *mask = l->mask;
    size_t n = l->raw_count;

#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        mask[i] = px_hash(seed, stream, i) >> 63 ? 2.0f : 0.0f;
}

/* to += from: n floats. */
static void add(const struct px_generator *generator, float *to, const float *from, size_t n)
{
#pragma omp parallel for simd num_threads(generator->options.threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

static struct px_tanh tanh_of(const struct px_generator *generator,
                              const struct px_generator_layer *l)
{
    size_t channels = (size_t)l->conv.desc.out;

    return (struct px_tanh){l->raw_count / channels, channels, generator->options.threads};
}

/* Where the last bias stands in `base`; NULL where the convolution adds it. */
static float *last_bias(const struct px_generator *generator, const struct px_generator_layer *l,
                        float *base)
{
    if (!l->conv.desc.transposed)
        return NULL;
    return base + generator->parameters->list[l->conv.desc.bias].offset;
}

/* Norm, dropout, activation and sum: from a convolution to the inputs of the next ones. */
static void pass_on(struct px_generator *generator, int i, const uint64_t *dropout)
{
    struct px_generator_layer *l = &generator->layers[i];
    int residual = generator->network.layers[i].residual;

    l->norm.mask = l->mask && dropout ? l->mask : NULL;
    if (l->norm.mask)
        draw_mask(l, *dropout, (uint64_t)i, generator->options.threads);
    px_norm_layer_forward(&l->norm);
    if (residual >= 0)
        add(generator, l[1].in, generator->layers[residual].in, l->raw_count);
}

float *px_generator_output(struct px_generator *generator)
{
    return generator->layers[generator->network.layer_count - 1].raw;
}

void px_generator_update_running(struct px_generator *generator)
{
    struct px_parameters *p = generator->parameters;

    for (int i = 0; i < generator->network.layer_count - 1; i++) {
        struct px_generator_layer *l = &generator->layers[i];
        if (l->running_mean >= 0)
            px_norm_layer_update_running(&l->norm, p->value + p->list[l->running_mean].offset,
                                         p->value + p->list[l->running_var].offset);
    }
}

int px_generator_forward(struct px_generator *generator, const float *in, const uint64_t *dropout,
                         float **out, struct px_error *err)
{
    int last = generator->network.layer_count - 1;
    struct px_generator_layer *l = generator->layers;

    for (int i = 0; i <= last; i++, l++) {
        const float *x = i ? l->in : in;
        if (l->padded) {
            px_reflect_pad(&l->reflect, x, l->padded);
            x = l->padded;
        }
        int rc = px_conv_layer_forward(&l->conv, x, l->raw, err);
        if (rc)
            return rc;
        if (i < last)
            pass_on(generator, i, dropout);
    }
    l = &generator->layers[last];
    const struct px_tanh end = tanh_of(generator, l);
    px_tanh_forward(&end, last_bias(generator, l, generator->parameters->value), l->raw);
    *out = l->raw;
    return 0;
}

/* From the gradient by a convolution's result to that by its layer's input. */
static int backward_conv(struct px_generator *generator, int i, const float *in, const float *dout,
                         struct px_error *err)
{
    struct px_generator_layer *l = &generator->layers[i];
    int rc = px_conv_layer_backward(&l->conv,
                                    l->padded ? l->padded
                                    : i       ? l->in
                                              : in,
                                    dout, l->padded ? l->dpadded : l->din, err);

    if (rc || !l->din)
        return rc;
    if (l->padded)
        px_reflect_fold(&l->reflect, l->dpadded, l->din);
    if (l->sum >= 0) {
        const struct px_generator_layer *sum = &generator->layers[l->sum];
        add(generator, l->din, sum[1].din, sum->raw_count);
    }
    return 0;
}

int px_generator_backward(struct px_generator *generator, const float *in, float *dout,
                          struct px_error *err)
{
    int last = generator->network.layer_count - 1;
    struct px_generator_layer *l = &generator->layers[last];
    const struct px_tanh end = tanh_of(generator, l);

    px_tanh_backward(&end, l->raw, dout, last_bias(generator, l, generator->parameters->gradient));
    for (int i = last; i >= 0; i--, l--) {
        if (i < last)
            px_norm_layer_backward(&l->norm);
        int rc = backward_conv(generator, i, in, i < last ? l->draw : dout, err);
        if (rc)
            return rc;
    }
    return 0;
}
