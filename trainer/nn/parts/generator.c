#include "trainer/nn/parts/generator_parts.h"

#include "base/random.h"
#include "trainer/nn/parts/element.h"

static void draw_mask(struct px_generator_layer *l, uint64_t seed, uint64_t stream, int threads)
{
    float *mask = l->mask;
    size_t n = l->raw_count;

#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        mask[i] = px_hash(seed, stream, i) >> 63 ? 2.0f : 0.0f;
}

/* Runs over n elements in one share a thread. */
static size_t share(size_t n, int thread, int threads)
{
    return n * (size_t)thread / (size_t)threads;
}

/* to += from: n elements. */
static void add(const struct px_generator *generator, void *to, const void *from, size_t n)
{
    enum px_dtype dtype = generator->options.dtype;
    int threads = generator->options.threads;

#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++) {
        size_t at = share(n, t, threads);
        px_elements_add(px_element(to, at, dtype), px_element(from, at, dtype),
                        share(n, t + 1, threads) - at, dtype);
    }
}

static void take_input(struct px_generator *generator, const float *in)
{
    const struct px_generator_layer *l = &generator->layers[0];
    size_t n =
        (size_t)(generator->options.n * l->conv.desc.in) * (size_t)l->height * (size_t)l->width;
    enum px_dtype dtype = generator->options.dtype;
    int threads = generator->options.threads;

#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++) {
        size_t at = share(n, t, threads);
        px_elements_round(in + at, share(n, t + 1, threads) - at, dtype,
                          px_element(l->in, at, dtype));
    }
}

static struct px_tanh tanh_of(const struct px_generator *generator,
                              const struct px_generator_layer *l)
{
    size_t channels = (size_t)l->conv.desc.out;

    return (struct px_tanh){l->raw_count / channels, channels, generator->options.threads,
                            generator->options.dtype};
}

/* The last bias; -1 where the convolution adds it. */
static int last_bias(const struct px_generator_layer *l)
{
    return l->conv.desc.transposed ? l->conv.desc.bias : -1;
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
    const struct px_parameters *p = generator->parameters;
    struct px_generator_layer *l = generator->layers;

    take_input(generator, in);
    for (int i = 0; i <= last; i++, l++) {
        if (l->padded)
            px_reflect_pad(&l->reflect, l->in, l->padded);
        int rc = px_conv_layer_forward(&l->conv, l->padded ? l->padded : l->in, l->raw, err);
        if (rc)
            return rc;
        if (i < last)
            pass_on(generator, i, dropout);
    }
    l = &generator->layers[last];
    const struct px_tanh end = tanh_of(generator, l);
    int bias = last_bias(l);
    px_tanh_forward(&end, bias < 0 ? NULL : p->value + p->list[bias].offset, l->raw);
    *out = l->raw;
    return 0;
}

/* From the gradient by a convolution's result to that by its layer's input. */
static int backward_conv(struct px_generator *generator, struct px_generator_layer *l,
                         const struct px_update *update, struct px_error *err)
{
    const struct px_conv_gradients g = {.in = l->padded ? l->padded : l->in,
                                        .dout = l->draw,
                                        .din = l->padded ? l->dpadded : l->din};
    int rc = px_conv_layer_backward(&l->conv, &g, update, err);

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

int px_generator_backward(struct px_generator *generator, const float *dout,
                          const struct px_update *update, struct px_error *err)
{
    int last = generator->network.layer_count - 1;
    struct px_generator_layer *l = &generator->layers[last];
    const struct px_tanh end = tanh_of(generator, l);

    px_tanh_backward(&end, l->raw, dout, l->draw,
                     px_parameters_gradient(generator->parameters, last_bias(l)));
    for (int i = last; i >= 0; i--, l--) {
        if (i < last)
            px_norm_layer_backward(&l->norm);
        int rc = backward_conv(generator, l, update, err);
        if (rc)
            return rc;
    }
    px_weights_finish(generator->weights, update);
    px_parameters_update(generator->parameters, update);
    return 0;
}
