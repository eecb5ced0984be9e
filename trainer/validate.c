#include "trainer/validate.h"

#include <stdlib.h>

#include "trainer/data/augment.h"

struct px_validation {
    const struct px_pairs *pairs; /* borrowed */
    const atomic_int *stop;       /* borrowed */
    uint32_t output_nc;
    struct px_image input8, output, target8; /* of the last pair */
    float *input, *fake; /* (height, width, input_nc) and (.., output_nc), for the largest pair */
};

int px_validation_create(struct px_validation **out, const struct px_pairs *pairs,
                         const struct px_network *network, const atomic_int *stop,
                         struct px_error *err)
{
    struct px_validation *v = calloc(1, sizeof *v);

    if (!v)
        return px_fail(err, PX_E_NOMEM, "no memory for the validation");
    v->pairs = pairs;
    v->stop = stop;
    v->output_nc = (uint32_t)network->output_nc;
    size_t area = px_pairs_pixels(pairs);
    v->input = malloc(area * (size_t)network->input_nc * sizeof *v->input);
    v->fake = malloc(area * (size_t)network->output_nc * sizeof *v->fake);
    int rc = v->input && v->fake ? 0 : px_fail(err, PX_E_NOMEM, "no memory for the validation");
    if (rc) {
        px_validation_destroy(v);
        return rc;
    }
    *out = v;
    return 0;
}

static void forget_pair(struct px_validation *v)
{
    px_image_clear(&v->input8);
    px_image_clear(&v->output);
    px_image_clear(&v->target8);
}

void px_validation_destroy(struct px_validation *v)
{
    if (!v)
        return;
    free(v->input);
    free(v->fake);
    forget_pair(v);
    free(v);
}

/* As the reference: clamped, (y + 1) * 127.5, truncated. */
static void to_bytes(const float *in, struct px_image *out)
{
    size_t n = (size_t)out->width * out->height * out->channels;

    for (size_t i = 0; i < n; i++) {
        float v = (in[i] + 1.0f) * 127.5f;
        out->data[i] = v > 0.0f ? v < 255.0f ? (uint8_t)v : 255 : 0; /* a NaN is black */
    }
}

/* Puts what the generator makes of a pair into v->output, the pair as people see it into v->input8
 * and v->target8, and adds how good it is to *sum. */
static int measure(struct px_validation *v, struct px_gan *gan, const struct px_pair *pair,
                   struct px_quality *sum, struct px_error *err)
{
    static const struct px_augment whole = {0};
    struct px_quality one;

    uint32_t width = pair->input.width, height = pair->input.height;
    const struct px_train_batch picture = {
        .input = v->input, .count = 1, .height = (int)height, .width = (int)width};

    px_augment_apply(&whole, &pair->input, width, height, v->input);
    int rc = px_gan_generate(gan, &picture, v->fake, err);
    forget_pair(v);
    if (rc || (rc = px_image_init(&v->output, width, height, v->output_nc, err)) != 0)
        return rc;
    to_bytes(v->fake, &v->output);
    if ((rc = px_picture_round(&pair->input, &v->input8, err)) != 0 ||
        (rc = px_picture_round(&pair->target, &v->target8, err)) != 0 ||
        (rc = px_quality_compare(&v->output, &v->target8, &one, err)) != 0)
        return rc;
    sum->l1 += one.l1;
    sum->psnr += one.psnr < PX_VALIDATION_MAX_PSNR ? one.psnr : PX_VALIDATION_MAX_PSNR;
    sum->ssim += one.ssim;
    return 0;
}

int px_validation_run(struct px_validation *v, struct px_gan *gan, px_validation_see *see,
                      void *closure, struct px_quality *mean, struct px_error *err)
{
    size_t count = px_pairs_count(v->pairs);
    struct px_quality sum = {0};

    for (size_t i = 0; i < count; i++) {
        struct px_pair storage = {0};
        const struct px_pair *pair;
        if (*v->stop)
            return px_fail(err, PX_E_INTERRUPTED, "interrupted while validating");
        int rc = px_pairs_get(v->pairs, i, &storage, &pair, err);
        if (!rc)
            rc = measure(v, gan, pair, &sum, err);
        if (!rc && see)
            see(closure, i, &v->input8, &v->output, &v->target8);
        px_pair_clear(&storage);
        if (rc)
            return rc;
    }
    double n = (double)count;
    *mean = (struct px_quality){sum.l1 / n, sum.psnr / n, sum.ssim / n};
    return 0;
}
