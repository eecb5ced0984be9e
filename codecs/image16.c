#include "codecs/image16.h"

#include <stdlib.h>

#include "base/checked.h"

int px_image16_create(struct px_image16 *image, uint32_t width, uint32_t height, uint32_t channels,
                      struct px_error *err)
{
    size_t size;

    if (width == 0 || height == 0 || channels < 1 || channels > 4)
        return px_fail(err, PX_E_INTERNAL, "a picture of %ux%u with %u channels cannot be made",
                       width, height, channels);
    if (!px_mul(width, height, &size) || !px_mul(size, channels, &size) ||
        !px_mul(size, sizeof *image->data, &size))
        return px_fail(err, PX_E_NOMEM, "a picture of %ux%u does not fit into memory", width,
                       height);
    uint16_t *data = calloc(size, 1);
    if (!data)
        return px_fail(err, PX_E_NOMEM, "no memory for a picture of %ux%u (%zu bytes)", width,
                       height, size);
    *image = (struct px_image16){.width = width, .height = height, .channels = channels};
    image->data = data;
    return 0;
}

void px_image16_destroy(struct px_image16 *image)
{
    if (!image)
        return;
    free(image->data);
    *image = (struct px_image16){0};
}

int px_image16_round(const struct px_image16 *in, struct px_image *out, struct px_error *err)
{
    size_t n = (size_t)in->width * in->height * in->channels;
    int rc = px_image_create(out, in->width, in->height, in->channels, err);

    for (size_t i = 0; !rc && i < n; i++)
        out->data[i] = (uint8_t)((in->data[i] * 255u + 32767) / 65535);
    return rc;
}
