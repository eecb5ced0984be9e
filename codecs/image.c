#include "codecs/image.h"

#include <stdlib.h>

#include "codecs/pixels.h"

int px_image_create(struct px_image *image, uint32_t width, uint32_t height, uint32_t channels,
                    struct px_error *err)
{
    const struct px_image_info info = {
        .width = width, .height = height, .channels = channels, .bits = 8};
    void *data;
    int rc = px_pixels_create(&data, &info, err);

    if (!rc)
        *image = (struct px_image){width, height, channels, data};
    return rc;
}

void px_image_destroy(struct px_image *image)
{
    if (!image)
        return;
    free(image->data);
    *image = (struct px_image){0};
}
