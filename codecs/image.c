#include "codecs/image.h"

#include <stddef.h>

#include "base/block.h"
#include "base/checked.h"

/* The samples of a picture, of `bytes` bytes each, zeroed. */
static int allocate(void **data, const struct px_image *shape, size_t bytes, struct px_error *err)
{
    size_t size;

    if (shape->width == 0 || shape->height == 0 || shape->channels < 1 || shape->channels > 4)
        return px_fail(err, PX_E_INTERNAL, "a picture of %ux%u with %u channels cannot exist",
                       shape->width, shape->height, shape->channels);
    if (!px_mul(shape->width, shape->height, &size) || !px_mul(size, shape->channels, &size) ||
        !px_mul(size, bytes, &size))
        return px_fail(err, PX_E_NOMEM, "a picture of %ux%u does not fit into memory", shape->width,
                       shape->height);
    *data = px_block_take_zeroed(size);
    if (!*data)
        return px_fail(err, PX_E_NOMEM, "no memory for a picture of %ux%u (%zu bytes)",
                       shape->width, shape->height, size);
    return 0;
}

int px_image_init(struct px_image *image, uint32_t width, uint32_t height, uint32_t channels,
                  struct px_error *err)
{
    const struct px_image shape = {width, height, channels, NULL};
    void *data;
    int rc = allocate(&data, &shape, sizeof *image->data, err);

    if (!rc)
        *image = (struct px_image){width, height, channels, data};
    return rc;
}

int px_image16_init(struct px_image16 *image, uint32_t width, uint32_t height, uint32_t channels,
                    struct px_error *err)
{
    const struct px_image shape = {width, height, channels, NULL};
    void *data;
    int rc = allocate(&data, &shape, sizeof *image->data, err);

    if (!rc)
        *image = (struct px_image16){width, height, channels, data};
    return rc;
}

void px_image_clear(struct px_image *image)
{
    if (!image)
        return;
    px_block_release(image->data);
    *image = (struct px_image){0};
}

void px_image16_clear(struct px_image16 *image)
{
    if (!image)
        return;
    px_block_release(image->data);
    *image = (struct px_image16){0};
}

int px_image16_round(const struct px_image16 *in, struct px_image *out, struct px_error *err)
{
    size_t n = (size_t)in->width * in->height * in->channels;
    int rc = px_image_init(out, in->width, in->height, in->channels, err);

    for (size_t i = 0; !rc && i < n; i++)
        out->data[i] = (uint8_t)((in->data[i] * 255u + 32767) / 65535);
    return rc;
}
