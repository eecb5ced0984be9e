#include "codecs/fit.h"

#include <assert.h>
#include <string.h>

#include "codecs/resize.h"

static uint32_t padded(uint32_t side, const struct px_fit_sides *sides)
{
    uint32_t multiple = sides->multiple;

    assert(multiple > 0);
    if (side < sides->least)
        side = sides->least;
    return (side + multiple - 1) / multiple * multiple;
}

void px_fit_plan(struct px_fit *fit, enum px_fit_mode mode, const struct px_fit_sides *sides,
                 uint32_t width, uint32_t height)
{
    fit->pad = mode == PX_FIT_IMAGE;
    fit->width = fit->pad ? padded(width, sides) : sides->crop_size;
    fit->height = fit->pad ? padded(height, sides) : sides->crop_size;
    fit->final_width = mode == PX_FIT_MODEL ? sides->crop_size : width;
    fit->final_height = mode == PX_FIT_MODEL ? sides->crop_size : height;
}

/* Where pixel `at` of a side padded from `size` to `padded` comes from. */
static uint32_t source_of(uint32_t at, uint32_t size, uint32_t padded)
{
    if (at < size)
        return at;
    return padded - size < size ? 2 * (size - 1) - at : size - 1;
}

/* Destroys *image and takes over *by. */
static void replace(struct px_image *image, const struct px_image *by)
{
    px_image_clear(image);
    *image = *by;
}

static int pad(struct px_image *image, uint32_t width, uint32_t height, struct px_error *err)
{
    struct px_image out;
    size_t pixel = image->channels;
    size_t in_row = image->width * pixel, out_row = width * pixel;
    assert(width >= image->width && height >= image->height);
    int rc = px_image_init(&out, width, height, image->channels, err);
    if (rc)
        return rc;
    for (uint32_t y = 0; y < height; y++) {
        const uint8_t *from = image->data + source_of(y, image->height, height) * in_row;
        uint8_t *to = out.data + y * out_row;
        memcpy(to, from, in_row);
        for (uint32_t x = image->width; x < width; x++)
            memcpy(to + x * pixel, from + source_of(x, image->width, width) * pixel, pixel);
    }
    replace(image, &out);
    return 0;
}

static int crop(struct px_image *image, uint32_t width, uint32_t height, struct px_error *err)
{
    struct px_image out;
    size_t in_row = (size_t)image->width * image->channels;
    size_t out_row = (size_t)width * image->channels;
    assert(width <= image->width && height <= image->height);
    int rc = px_image_init(&out, width, height, image->channels, err);
    if (rc)
        return rc;
    for (uint32_t y = 0; y < height; y++)
        memcpy(out.data + y * out_row, image->data + y * in_row, out_row);
    replace(image, &out);
    return 0;
}

static int scale(struct px_image *image, uint32_t width, uint32_t height, struct px_error *err)
{
    struct px_image out;
    int rc = px_image_resize(image, width, height, &out, err);

    if (!rc)
        replace(image, &out);
    return rc;
}

static bool has_size(const struct px_image *image, uint32_t width, uint32_t height)
{
    return image->width == width && image->height == height;
}

int px_fit_input(const struct px_fit *fit, struct px_image *image, struct px_error *err)
{
    if (has_size(image, fit->width, fit->height))
        return 0;
    return fit->pad ? pad(image, fit->width, fit->height, err)
                    : scale(image, fit->width, fit->height, err);
}

int px_fit_answer(const struct px_fit *fit, struct px_image *image, struct px_error *err)
{
    assert(has_size(image, fit->width, fit->height));
    if (has_size(image, fit->final_width, fit->final_height))
        return 0;
    return fit->pad ? crop(image, fit->final_width, fit->final_height, err)
                    : scale(image, fit->final_width, fit->final_height, err);
}
