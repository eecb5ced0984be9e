#include "codecs/image16.h"

#include <stdlib.h>

#include "codecs/pixels.h"

int px_image16_create(struct px_image16 *image, uint32_t width, uint32_t height, uint32_t channels,
                      struct px_error *err)
{
    const struct px_image_info info = {
        .width = width, .height = height, .channels = channels, .bits = 16};
    void *data;
    int rc = px_pixels_create(&data, &info, err);

    if (!rc)
        *image = (struct px_image16){width, height, channels, data};
    return rc;
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
