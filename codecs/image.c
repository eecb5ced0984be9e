#include "codecs/image.h"

#include <stdlib.h>

#include "base/checked.h"

int px_image_create(struct px_image *image, uint32_t width, uint32_t height, uint32_t channels,
                    struct px_error *err)
{
    size_t size;

    if (width == 0 || height == 0 || channels < 1 || channels > 4)
        return px_fail(err, PX_E_INTERNAL, "a picture of %ux%u with %u channels cannot be made",
                       width, height, channels);
    if (!px_mul(width, height, &size) || !px_mul(size, channels, &size))
        return px_fail(err, PX_E_NOMEM, "a picture of %ux%u does not fit into memory", width,
                       height);
    uint8_t *data = calloc(size, 1);
    if (!data)
        return px_fail(err, PX_E_NOMEM, "no memory for a picture of %ux%u (%zu bytes)", width,
                       height, size);
    *image = (struct px_image){.width = width, .height = height, .channels = channels};
    image->data = data;
    return 0;
}

void px_image_destroy(struct px_image *image)
{
    if (!image)
        return;
    free(image->data);
    *image = (struct px_image){0};
}
