#include "trainer/data/picture.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "codecs/resize.h"

static const size_t max_file = (size_t)512 << 20; /* as of px_image_load() */

/* The other types' view of a picture, which goes on to own the samples. */
static struct px_image image_of(const struct px_picture *p)
{
    return (struct px_image){p->width, p->height, p->channels, p->data};
}

static struct px_image16 image16_of(const struct px_picture *p)
{
    return (struct px_image16){p->width, p->height, p->channels, p->deep};
}

static void set_image(struct px_picture *p, const struct px_image *image)
{
    *p = (struct px_picture){image->width, image->height, image->channels, image->data, NULL};
}

static void set_image16(struct px_picture *p, const struct px_image16 *image)
{
    *p = (struct px_picture){image->width, image->height, image->channels, NULL, image->data};
}

static int decode(struct px_span file, const struct px_decode_limits *limits, uint32_t channels,
                  struct px_picture *out, struct px_error *err)
{
    struct px_image_info info;
    struct px_image image = {0};
    struct px_image16 deep = {0};
    int rc = px_image_probe(file, limits, &info, err);

    if (rc)
        return rc;
    if (info.bits == 16) {
        rc = px_image16_decode(file, limits, channels, &deep, err);
        set_image16(out, &deep);
    } else {
        rc = px_image_decode(file, limits, channels, &image, err);
        set_image(out, &image);
    }
    return rc;
}

int px_picture_load(const char *path, const struct px_decode_limits *limits, uint32_t channels,
                    struct px_picture *out, struct px_error *err)
{
    uint8_t *data;
    size_t size;
    int rc = px_file_read(path, max_file, &data, &size, err);

    if (rc)
        return rc;
    rc = decode((struct px_span){data, size}, limits, channels, out, err);
    if (rc)
        px_error_prefix(err, path);
    free(data);
    return rc;
}

void px_picture_clear(struct px_picture *picture)
{
    if (!picture)
        return;
    free(picture->data);
    free(picture->deep);
    *picture = (struct px_picture){0};
}

int px_picture_resize(struct px_picture *picture, uint32_t width, uint32_t height,
                      struct px_error *err)
{
    struct px_picture old = *picture;
    struct px_image image = image_of(picture), scaled = {0};
    struct px_image16 deep = image16_of(picture), scaled16 = {0};

    if (width == picture->width && height == picture->height)
        return 0;
    int rc = picture->deep ? px_image16_resize(&deep, width, height, &scaled16, err)
                           : px_image_resize(&image, width, height, &scaled, err);
    if (rc)
        return rc;
    if (old.deep)
        set_image16(picture, &scaled16);
    else
        set_image(picture, &scaled);
    px_picture_clear(&old);
    return 0;
}

/* Of a pixel. */
static size_t pixel_size(const struct px_picture *p)
{
    return p->deep ? p->channels * sizeof *p->deep : p->channels;
}

int px_picture_cut(struct px_picture *picture, const struct px_area *area, struct px_error *err)
{
    uint32_t width = area->width, height = area->height;
    size_t pixel = pixel_size(picture), row = width * pixel;
    const uint8_t *from = picture->deep ? (const uint8_t *)picture->deep : picture->data;
    struct px_picture part = {.width = width, .height = height, .channels = picture->channels};
    uint8_t *to = malloc(row * height);

    assert(area->x + width <= picture->width && area->y + height <= picture->height);
    if (!to)
        return px_fail(err, PX_E_NOMEM, "no memory for a picture of %ux%u", width, height);
    for (size_t i = 0; i < height; i++)
        memcpy(to + i * row, from + ((area->y + i) * picture->width + area->x) * pixel, row);
    if (picture->deep)
        part.deep = (void *)to;
    else
        part.data = to;
    px_picture_clear(picture);
    *picture = part;
    return 0;
}

size_t px_picture_bytes(const struct px_picture *p)
{
    return (size_t)p->width * p->height * pixel_size(p);
}

int px_picture_round(const struct px_picture *picture, struct px_image *out, struct px_error *err)
{
    struct px_image16 deep = image16_of(picture);

    if (picture->deep)
        return px_image16_round(&deep, out, err);
    int rc = px_image_init(out, picture->width, picture->height, picture->channels, err);
    if (!rc)
        memcpy(out->data, picture->data, px_picture_bytes(picture));
    return rc;
}
