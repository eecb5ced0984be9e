#include "server/message/pixel_tensor.h"

#include <assert.h>
#include <string.h>

const char *px_pixel_tensor_type_name(enum px_pixel_type type)
{
    static const char *const names[] = {"BYTES", "UINT8", "FP32"};

    assert(type < sizeof names / sizeof names[0]);
    return names[type];
}

size_t px_pixel_tensor_size(const struct px_pixel_tensor *tensor)
{
    size_t count = (size_t)tensor->width * tensor->height * tensor->channels;

    return tensor->type == PX_PIXELS_F32 ? count * sizeof(float) : count;
}

/* Where sample i of a picture, in its own order, is in the tensor. */
static size_t place_of(const struct px_pixel_tensor *tensor, const struct px_image *image, size_t i)
{
    size_t pixel = i / image->channels, channel = i % image->channels;

    return tensor->planar ? channel * image->width * image->height + pixel : i;
}

static int to_pixel(float value, uint8_t *pixel, struct px_error *err)
{
    const float tolerance = 1e-3f; /* of arithmetic before */

    if (!(value >= -1 - tolerance && value <= 1 + tolerance))
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "the tensor has the value %g; FP32 must be from -1 to 1", (double)value);
    float scaled = (value + 1) * 127.5f + 0.5f;
    *pixel = scaled < 0 ? 0 : scaled > 255 ? 255 : (uint8_t)scaled;
    return 0;
}

int px_pixel_tensor_to_image(const struct px_pixel_tensor *tensor, struct px_span bytes,
                             uint32_t channels, struct px_image *image, struct px_error *err)
{
    bool floats = tensor->type == PX_PIXELS_F32 && !tensor->quantised;
    int rc;

    assert(bytes.size == px_pixel_tensor_size(tensor) / (tensor->quantised ? sizeof(float) : 1));
    if (tensor->channels != channels)
        return px_fail(err, PX_E_UNPROCESSABLE, "the tensor has %u channels; the model takes %u",
                       tensor->channels, channels);
    rc = px_image_init(image, tensor->width, tensor->height, channels, err);
    size_t count = rc < 0 ? 0 : (size_t)tensor->width * tensor->height * channels;
    for (size_t i = 0; i < count && rc == 0; i++) {
        size_t place = place_of(tensor, image, i);
        float value;
        if (!floats) {
            image->data[i] = bytes.data[place];
        } else {
            memcpy(&value, bytes.data + place * sizeof value, sizeof value);
            rc = to_pixel(value, &image->data[i], err);
        }
    }
    if (rc < 0)
        px_image_clear(image);
    return rc;
}

/* The picture's pixel that is number i of the tensor. */
static uint8_t pixel_at(const struct px_pixel_tensor *tensor, const struct px_image *image,
                        size_t i)
{
    size_t plane = (size_t)image->width * image->height;

    return image->data[tensor->planar ? i % plane * image->channels + i / plane : i];
}

static float to_float(uint8_t pixel)
{
    return (float)pixel / 127.5f - 1;
}

void px_pixel_tensor_append_bytes(struct px_buffer *out, const struct px_pixel_tensor *tensor,
                                  const struct px_image *image)
{
    size_t count = (size_t)image->width * image->height * image->channels;
    size_t each = tensor->type == PX_PIXELS_F32 ? sizeof(float) : 1;
    uint8_t *to = px_buffer_reserve(out, count * each);

    for (size_t i = 0; to && i < count; i++) {
        uint8_t pixel = pixel_at(tensor, image, i);
        float value = to_float(pixel);
        if (each == 1)
            to[i] = pixel;
        else
            memcpy(to + i * each, &value, each);
    }
    if (to)
        out->size += count * each;
}

void px_pixel_tensor_append_text(struct px_buffer *out, const struct px_pixel_tensor *tensor,
                                 const struct px_image *image)
{
    size_t count = (size_t)image->width * image->height * image->channels;

    for (size_t i = 0; i < count && !out->failed; i++) {
        uint8_t pixel = pixel_at(tensor, image, i);
        const char *comma = i == 0 ? "" : ",";
        if (tensor->type == PX_PIXELS_F32)
            px_buffer_appendf(out, "%s%.7g", comma, (double)to_float(pixel));
        else
            px_buffer_appendf(out, "%s%u", comma, pixel);
    }
}
