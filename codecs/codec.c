#include "codecs/codec.h"

#include <assert.h>
#include <stdio.h> /* jpeglib.h needs it */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <isa-l.h>
#include <jpeglib.h>
#include <png.h>

#include "base/file.h"
#include "codecs/foreign.h"
#include "codecs/format.h"

enum { DEFAULT_MAX_PIXELS = 50000000, DEFAULT_MAX_SIDE = 16384 };
enum { FIRST_BYTES = 16384 }; /* reserved for an encoded picture before it grows */

static const size_t max_file = (size_t)512 << 20; /* of px_image_load() */

static const struct px_codec *const codecs[] = {
    [PX_FORMAT_PNG] = &px_codec_png,
    [PX_FORMAT_JPEG] = &px_codec_jpeg,
};

enum { CODECS = sizeof codecs / sizeof *codecs };

enum px_format px_sniff(struct px_span file)
{
    for (int i = 0; i < CODECS; i++)
        if (codecs[i] && codecs[i]->sniff(file))
            return (enum px_format)i;
    return PX_FORMAT_NONE;
}

const char *px_png_version(void)
{
    return png_get_libpng_ver(NULL);
}

#define TEXT_OF(macro) #macro
#define VALUE_OF(macro) TEXT_OF(macro)

const char *px_jpeg_version(void)
{
    return VALUE_OF(LIBJPEG_TURBO_VERSION);
}

const char *px_isal_version(void)
{
    return VALUE_OF(ISAL_MAJOR_VERSION) "." VALUE_OF(ISAL_MINOR_VERSION) "." VALUE_OF(
        ISAL_PATCH_VERSION);
}

const char *px_format_name(enum px_format format)
{
    return format > PX_FORMAT_NONE && (int)format < CODECS ? codecs[format]->name : "none";
}

const char *px_format_mime(enum px_format format)
{
    return format > PX_FORMAT_NONE && (int)format < CODECS ? codecs[format]->mime
                                                           : "application/octet-stream";
}

static int check_size(const struct px_codec *codec, const struct px_header *header,
                      const struct px_decode_limits *limits, struct px_error *err)
{
    uint64_t max_pixels = limits && limits->max_pixels ? limits->max_pixels : DEFAULT_MAX_PIXELS;
    uint32_t max_side = limits && limits->max_side ? limits->max_side : DEFAULT_MAX_SIDE;
    uint32_t w = header->width, h = header->height;

    if (w == 0 || h == 0)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "the picture (%s) declares a size of %ux%u; both sides must be at least 1",
                       codec->name, w, h);
    if (w > max_side || h > max_side)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "the picture (%s) declares a size of %ux%u; at most %u per side are "
                       "accepted; send a smaller picture",
                       codec->name, w, h, max_side);
    if ((uint64_t)w * h > max_pixels)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "the picture (%s) declares a size of %ux%u, %llu pixels; at most %llu are "
                       "accepted; send a smaller picture",
                       codec->name, w, h, (unsigned long long)w * h,
                       (unsigned long long)max_pixels);
    return 0;
}

static int probe(struct px_span file, const struct px_decode_limits *limits, enum px_format *format,
                 struct px_header *header, struct px_error *err)
{
    *format = px_sniff(file);
    if (file.size == 0)
        return px_fail(err, PX_E_UNPROCESSABLE, "the picture is empty; send a PNG or JPEG file");
    if (*format == PX_FORMAT_NONE)
        return px_foreign_refuse(file, err);
    int rc = codecs[*format]->probe(file, header, err);
    if (limits && limits->as_stored)
        header->orientation = 1;
    return rc ? rc : check_size(codecs[*format], header, limits, err);
}

int px_image_probe(struct px_span file, const struct px_decode_limits *limits,
                   struct px_image_info *info, struct px_error *err)
{
    enum px_format format;
    struct px_header header;
    int rc = probe(file, limits, &format, &header, err);

    if (rc)
        return rc;
    bool swap = header.orientation >= 5;
    *info = (struct px_image_info){
        .format = format,
        .width = swap ? header.height : header.width,
        .height = swap ? header.width : header.height,
        .channels = header.channels,
        .bits = header.deep ? 16 : 8,
    };
    return 0;
}

int px_image_decode(struct px_span file, const struct px_decode_limits *limits, uint32_t channels,
                    struct px_image *image, struct px_error *err)
{
    enum px_format format;
    struct px_header header;
    int rc = probe(file, limits, &format, &header, err);

    return rc ? rc : codecs[format]->decode(file, &header, channels, image, err);
}

int px_image16_decode(struct px_span file, const struct px_decode_limits *limits, uint32_t channels,
                      struct px_image16 *image, struct px_error *err)
{
    enum px_format format;
    struct px_header header;
    int rc = probe(file, limits, &format, &header, err);

    if (rc)
        return rc;
    if (!header.deep || !codecs[format]->decode16)
        return px_fail(err, PX_E_UNPROCESSABLE, "the picture (%s) does not have 16 bits per sample",
                       codecs[format]->name);
    return codecs[format]->decode16(file, &header, channels, image, err);
}

int px_image_encode(const struct px_image *image, const struct px_encoding *encoding,
                    struct px_buffer *out, struct px_error *err)
{
    enum px_format format = encoding->format;

    assert(format > PX_FORMAT_NONE && (int)format < CODECS);
    assert(image->channels >= 1 && image->channels <= 4);
    px_buffer_reserve(out, FIRST_BYTES); /* without memory the encoder's first write fails */
    return codecs[format]->encode(image, encoding, out, err);
}

int px_image_load(const char *path, const struct px_decode_limits *limits, uint32_t channels,
                  struct px_image *image, struct px_error *err)
{
    uint8_t *data;
    size_t size;
    int rc = px_file_read(path, max_file, &data, &size, err);

    if (rc)
        return rc;
    rc = px_image_decode((struct px_span){data, size}, limits, channels, image, err);
    if (rc)
        px_error_prefix(err, path);
    free(data);
    return rc;
}

static enum px_format format_of(const char *path)
{
    const char *dot = strrchr(path, '.');

    if (dot && strcasecmp(dot, ".png") == 0)
        return PX_FORMAT_PNG;
    if (dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0))
        return PX_FORMAT_JPEG;
    return PX_FORMAT_NONE;
}

int px_image_save(const char *path, const struct px_image *image, int quality, struct px_error *err)
{
    enum px_format format = format_of(path);
    struct px_buffer out = {0};

    if (format == PX_FORMAT_NONE)
        return px_fail(err, PX_E_USAGE,
                       "%s: the name of a saved picture must end in .png, .jpg or .jpeg", path);
    struct px_encoding encoding = {.format = format, .quality = quality};
    int rc = px_image_encode(image, &encoding, &out, err);
    if (rc)
        px_error_prefix(err, path);
    else
        rc = px_file_save(path, out.data, out.size, err);
    free(out.data);
    return rc;
}
