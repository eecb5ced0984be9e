#include "trainer/preview.h"

#include <stdlib.h>
#include <string.h>

#include "codecs/codec.h"
#include "trainer/augment.h"

enum { MAX_ROWS = 4, GAP = 4 }; /* GAP: white pixels between the pictures */

struct px_preview {
    const struct px_pairs *pairs; /* borrowed */
    size_t rows;
    uint32_t side;
    struct px_image sheet;  /* RGB */
    struct px_image output; /* side x side, output_nc channels */
    float *input, *fake;    /* (side, side, input_nc) and (side, side, output_nc) */
};

int px_preview_create(struct px_preview **out, const struct px_pairs *pairs,
                      const struct px_network *network, struct px_error *err)
{
    struct px_preview *p = calloc(1, sizeof *p);

    if (!p)
        return px_fail(err, PX_E_NOMEM, "no memory for the pictures of an epoch");
    p->pairs = pairs;
    p->rows = px_pairs_count(pairs) < MAX_ROWS ? px_pairs_count(pairs) : MAX_ROWS;
    p->side = (uint32_t)network->crop_size;
    size_t area = (size_t)p->side * p->side;
    p->input = malloc(area * (size_t)network->input_nc * sizeof *p->input);
    p->fake = malloc(area * (size_t)network->output_nc * sizeof *p->fake);
    int rc = p->input && p->fake
                 ? 0
                 : px_fail(err, PX_E_NOMEM, "no memory for the pictures of an epoch");
    if (!rc)
        rc = px_image_create(&p->output, p->side, p->side, (uint32_t)network->output_nc, err);
    if (!rc)
        rc = px_image_create(&p->sheet, 3 * p->side + 2 * GAP,
                             (uint32_t)p->rows * (p->side + GAP) - GAP, 3, err);
    if (rc) {
        px_preview_destroy(p);
        return rc;
    }
    *out = p;
    return 0;
}

void px_preview_destroy(struct px_preview *p)
{
    if (!p)
        return;
    free(p->input);
    free(p->fake);
    px_image_destroy(&p->output);
    px_image_destroy(&p->sheet);
    free(p);
}

/* Copies a picture of any number of channels into the sheet: grey becomes RGB, alpha is left out.
 */
static void paste(struct px_preview *p, const struct px_image *image, size_t row, uint32_t column)
{
    uint32_t channels = image->channels;
    uint32_t step = channels >= 3 ? 1 : 0; /* from red to green to blue */

    for (uint32_t y = 0; y < p->side; y++) {
        const uint8_t *from = image->data + (size_t)y * p->side * channels;
        uint8_t *to = p->sheet.data +
                      ((row * (p->side + GAP) + y) * p->sheet.width + column * (p->side + GAP)) * 3;
        for (uint32_t x = 0; x < p->side; x++, from += channels)
            for (uint32_t c = 0; c < 3; c++)
                *to++ = from[c * step];
    }
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

static int draw_row(struct px_preview *p, struct px_gan *gan, size_t row, struct px_error *err)
{
    static const struct px_augment whole = {0};
    struct px_pair storage = {0};
    const struct px_pair *pair;
    int rc = px_pairs_get(p->pairs, row, &storage, &pair, err);

    if (rc)
        return rc;
    px_augment_apply(&whole, &pair->input, p->side, p->input);
    rc = px_gan_generate(gan, p->input, p->fake, err);
    if (!rc) {
        to_bytes(p->fake, &p->output);
        paste(p, &pair->input, row, 0);
        paste(p, &p->output, row, 1);
        paste(p, &pair->target, row, 2);
    }
    px_pair_destroy(&storage);
    return rc;
}

int px_preview_save(struct px_preview *p, struct px_gan *gan, const char *path,
                    struct px_error *err)
{
    memset(p->sheet.data, 255, (size_t)p->sheet.width * p->sheet.height * 3);
    for (size_t row = 0; row < p->rows; row++) {
        int rc = draw_row(p, gan, row, err);
        if (rc)
            return rc;
    }
    return px_image_save(path, &p->sheet, 90, err);
}
