#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "codecs/codec.h"

#define FILE_OF(text) text, sizeof text - 1

static const struct {
    const char *bytes;
    size_t size;
    const char *message;
} rows[] = {
    {FILE_OF("RIFF\x24\0\0\0WEBPVP8 "), "this is WebP; send PNG or JPEG"},
    {FILE_OF("RIFF\x24\0\0\0WAVEfmt "), "neither a PNG nor a JPEG"},
    {FILE_OF("\0\0\0\040ftypavif\0\0\0\0"), "this is AVIF; send PNG or JPEG"},
    {FILE_OF("\0\0\0\034ftypavis\0\0\0\0"), "this is AVIF"},
    {FILE_OF("\0\0\0\030ftypheic\0\0\0\0"), "this is HEIC; send PNG or JPEG"},
    {FILE_OF("\0\0\0\030ftypheix\0\0\0\0"), "this is HEIC"},
    {FILE_OF("\0\0\0\030ftyphevc\0\0\0\0"), "this is HEIC"},
    {FILE_OF("\0\0\0\030ftypmif1\0\0\0\0"), "this is HEIF (HEIC or AVIF)"},
    {FILE_OF("\0\0\0\030ftypisom\0\0\0\0"), "this is a video"},
    {FILE_OF("GIF89a"), "this is GIF; send PNG or JPEG"},
    {FILE_OF("GIF87a"), "this is GIF"},
    {FILE_OF("BM\x36\0\3\0\0\0\0\0\x36\0"), "this is BMP; send PNG or JPEG"},
    {FILE_OF("BMW is a car maker"), "neither a PNG nor a JPEG; send PNG or JPEG"},
    {FILE_OF("II*\0\x08\0\0\0"), "this is TIFF; send PNG or JPEG"},
    {FILE_OF("MM\0*\0\0\0\x08"), "this is TIFF"},
    {FILE_OF("MM\0+\0\x08\0\0"), "this is TIFF"},
    {FILE_OF("II+\0\x08\0\0\0"), "this is TIFF"},
    {FILE_OF("\xff\x0a\xfa\x00"), "this is JPEG XL; send PNG or JPEG"},
    {FILE_OF("\0\0\0\x0cJXL \r\n\x87\n"), "this is JPEG XL"},
    {FILE_OF("\0\0\0\x0cjP  \r\n\x87\n"), "this is JPEG 2000; send PNG or JPEG"},
    {FILE_OF("\xff\x4f\xff\x51\0\x29"), "this is JPEG 2000"},
    {FILE_OF("II\xbc\1\x20\0\0\0"), "this is JPEG XR"},
    {FILE_OF("\0\0\1\0\2\0\x10\x10"), "this is ICO; send PNG or JPEG"},
    {FILE_OF("8BPS\0\1"), "this is a Photoshop file; send PNG or JPEG"},
    {FILE_OF("%PDF-1.7\n"), "this is PDF; send PNG or JPEG"},
    {FILE_OF("<svg xmlns='http://www.w3.org/2000/svg'/>"), "this is SVG; send PNG or JPEG"},
    {FILE_OF("\xef\xbb\xbf <?xml version='1.0'?><!-- a --><SVG/>"), "this is SVG"},
    {FILE_OF("<?xml version='1.0'?><kml/>"), "neither a PNG nor a JPEG"},
    {FILE_OF("\n<!DOCTYPE html><svg/>"), "this is an HTML page; send the picture itself"},
    {FILE_OF("<HTML><body>404"), "this is an HTML page"},
    {FILE_OF("\x1f\x8b\x08\0"), "this is a gzip file; send the picture itself"},
    {FILE_OF("PK\3\4\x14\0"), "this is a zip archive"},
    {FILE_OF("version https://git-lfs.github.com/spec/v1\noid sha256:1"),
     "this is a Git LFS pointer; fetch the picture with 'git lfs pull'"},
    {FILE_OF("https://example.org/a.png"),
     "this is a URL, and URLs are not fetched; send the picture"},
    {FILE_OF("http://example.org/a.png"), "this is a URL"},
    {FILE_OF("data:image/png;base64,iVBO"), "this is a data: URL; send the picture itself"},
};

static void check_refused(size_t row, size_t size, const char *message)
{
    struct px_error err = {0};
    struct px_image image = {0};
    uint8_t *exact = malloc(size); /* a sanitizer sees every byte read beyond it */

    assert_non_null(exact);
    memcpy(exact, rows[row].bytes, size);
    int rc = px_image_decode((struct px_span){exact, size}, NULL, 3, &image, &err);
    free(exact);
    assert_int_equal(rc, -PX_E_UNPROCESSABLE);
    assert_null(image.data);
    if (!strstr(err.message, message))
        fail_msg("expected '%s' in '%s'", message, err.message);
}

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_refused(i, rows[i].size, rows[i].message);
}

static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t size = 1; size < rows[i].size; size++)
            check_refused(i, size, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("files of other formats are named in the refusal", test_names),
        CHECK("cut anywhere they are refused, named or not", test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
