#include "codecs/foreign.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define MAGIC(text) text, sizeof text - 1

static const char picture[] = "send PNG or JPEG";
static const char itself[] = "send the picture itself, as PNG or JPEG";

/* A '.' matches any byte. */
static const struct {
    const char *magic;
    size_t size;
    const char *name, *advice;
} formats[] = {
    {MAGIC("RIFF....WEBP"), "WebP", picture},
    {MAGIC("....ftypavi"), "AVIF", picture}, /* brands avif, avis */
    {MAGIC("....ftyphei"), "HEIC", picture}, /* heic, heix, heim, heis */
    {MAGIC("....ftyphev"), "HEIC", picture}, /* hevc, hevx, hevm, hevs */
    {MAGIC("....ftypmif1"), "HEIF (HEIC or AVIF)", picture},
    {MAGIC("....ftypmsf1"), "HEIF (HEIC or AVIF)", picture},
    {MAGIC("....ftyp"), "a video (MP4, QuickTime)", picture},
    {MAGIC("GIF8"), "GIF", picture},
    {MAGIC("BM....\0\0\0\0"), "BMP", picture},
    {MAGIC("II*\0"), "TIFF", picture},
    {MAGIC("MM\0*"), "TIFF", picture},
    {MAGIC("II+\0"), "TIFF", picture}, /* BigTIFF */
    {MAGIC("MM\0+"), "TIFF", picture},
    {MAGIC("\0\0\0\x0cJXL \r\n\x87\n"), "JPEG XL", picture},
    {MAGIC("\xff\x0a"), "JPEG XL", picture},
    {MAGIC("\0\0\0\x0cjP  \r\n\x87\n"), "JPEG 2000", picture},
    {MAGIC("\xff\x4f\xff\x51"), "JPEG 2000", picture},
    {MAGIC("II\xbc"), "JPEG XR", picture},
    {MAGIC("\0\0\1\0.\0"), "ICO", picture},
    {MAGIC("8BPS"), "a Photoshop file", picture},
    {MAGIC("%PDF-"), "PDF", picture},
    {MAGIC("\x1f\x8b"), "a gzip file", itself},
    {MAGIC("PK\3\4"), "a zip archive", itself},
    {MAGIC("version https://git-lfs"), "a Git LFS pointer",
     "fetch the picture with 'git lfs pull'"},
    {MAGIC("http://"), "a URL, and URLs are not fetched", itself},
    {MAGIC("https://"), "a URL, and URLs are not fetched", itself},
    {MAGIC("data:"), "a data: URL", itself},
};

static bool matches(struct px_span file, const char *magic, size_t size)
{
    if (file.size < size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (magic[i] != '.' && file.data[i] != (uint8_t)magic[i])
            return false;
    return true;
}

/* Whether a document in angle brackets begins with or, if `anywhere`, contains this tag in its
 * first 1024 bytes, without regard to case. */
static bool has_tag(struct px_span file, const char *tag, bool anywhere)
{
    size_t size = file.size < 1024 ? file.size : 1024, length = strlen(tag), at = 0;

    if (matches(file, MAGIC("\xef\xbb\xbf"))) /* byte order mark */
        at = 3;
    while (at < size && memchr(" \t\r\n", file.data[at], 4))
        at++;
    if (at == size || file.data[at] != '<')
        return false;
    for (; at + length <= size; at++) {
        if (strncasecmp((const char *)file.data + at, tag, length) == 0)
            return true;
        if (!anywhere)
            return false;
    }
    return false;
}

int px_foreign_refuse(struct px_span file, struct px_error *err)
{
    uint8_t first[4] = {0};

    assert(file.size > 0);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (matches(file, formats[i].magic, formats[i].size))
            return px_fail(err, PX_E_UNPROCESSABLE, "this is %s; %s", formats[i].name,
                           formats[i].advice);
    if (has_tag(file, "<!doctype html", false) || has_tag(file, "<html", false))
        return px_fail(err, PX_E_UNPROCESSABLE, "this is an HTML page; %s", itself);
    if (has_tag(file, "<svg", true))
        return px_fail(err, PX_E_UNPROCESSABLE, "this is SVG; %s", picture);
    memcpy(first, file.data, file.size < 4 ? file.size : 4);
    return px_fail(err, PX_E_UNPROCESSABLE,
                   "%zu bytes that begin with %02x%02x%02x%02x are neither a PNG nor a JPEG; %s",
                   file.size, first[0], first[1], first[2], first[3], picture);
}
