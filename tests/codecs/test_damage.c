#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "codecs/codec.h"

/* A file being damaged: a copy of golden data, or put together here. */
struct file {
    uint8_t bytes[1 << 16];
    size_t size;
};

static struct file file; /* of the test that runs; 64 KB are too many for its stack */

static void load(const char *name)
{
    char path[512];
    uint8_t *data;

    snprintf(path, sizeof path, "%s/codecs/data/%s", getenv("PX_TESTS"), name);
    assert_int_equal(px_file_read(path, sizeof file.bytes, &data, &file.size, NULL), 0);
    memcpy(file.bytes, data, file.size);
    free(data);
}

static void append(const void *data, size_t size)
{
    assert_true(size <= sizeof file.bytes - file.size);
    memcpy(file.bytes + file.size, data, size);
    file.size += size;
}

static int decode(size_t size, const struct px_decode_limits *limits, struct px_error *err)
{
    struct px_image image = {0};
    uint8_t *exact = malloc(size ? size : 1); /* a sanitizer sees every byte read beyond it */

    assert_non_null(exact);
    memcpy(exact, file.bytes, size);
    int rc = px_image_decode((struct px_span){exact, size}, limits, 3, &image, err);
    if (rc)
        assert_null(image.data); /* untouched on failure */
    px_image_clear(&image);
    free(exact);
    return rc;
}

static void refused(const char *message, const struct px_decode_limits *limits)
{
    struct px_error err = {0};

    assert_int_equal(decode(file.size, limits, &err), -PX_E_UNPROCESSABLE);
    if (!strstr(err.message, message))
        fail_msg("expected '%s' in '%s'", message, err.message);
}

static const char *const samples[] = {
    "png/rgb-8-trns.png",  "png/palette-4-trns.png", "png/rgba-16-interlaced.png",
    "png/grey-1.png",      "jpeg/baseline.jpg",      "jpeg/progressive.jpg",
    "jpeg/cmyk-adobe.jpg", "jpeg/turned-6.jpg",      "jpeg/progressive-grey.jpg",
};

enum { SAMPLES = sizeof samples / sizeof *samples, FIRST_JPEG = 4 };

static void test_truncated(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        load(samples[i]);
        for (size_t n = 0; n < file.size; n++) {
            struct px_error err = {0};
            if (decode(n, NULL, &err) != -PX_E_UNPROCESSABLE)
                fail_msg("%s: %zu of %zu bytes were taken for a picture", samples[i], n, file.size);
            assert_true(err.message[0]);
        }
        assert_int_equal(decode(file.size, NULL, NULL), 0);
    }
}

static void test_flipped(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        load(samples[i]);
        for (size_t n = 0; n < file.size; n++) {
            uint8_t bit = (uint8_t)(1u << n % 8);
            file.bytes[n] ^= bit;
            int rc = decode(file.size, &(struct px_decode_limits){.max_pixels = 1 << 20}, NULL);
            bool of_iend = n >= file.size - 4; /* its CRC, which is not looked at */
            if (i < FIRST_JPEG && rc != (of_iend ? 0 : -PX_E_UNPROCESSABLE))
                fail_msg("%s: byte %zu changed gives %d", samples[i], n, rc);
            assert_true(rc == 0 || rc == -PX_E_UNPROCESSABLE);
            file.bytes[n] ^= bit;
        }
    }
}

static uint32_t crc(const uint8_t *data, size_t size)
{
    uint32_t c = 0xffffffff;

    for (size_t i = 0; i < size; i++) {
        c ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

static void append_be32(uint32_t v)
{
    uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

    append(bytes, 4);
}

static void append_chunk(const char *type, const void *data, size_t size)
{
    append_be32((uint32_t)size);
    size_t start = file.size;
    append(type, 4);
    append(data, size);
    append_be32(crc(file.bytes + start, size + 4));
}

static void begin_png(uint32_t width, uint32_t height)
{
    uint8_t ihdr[13] = {[8] = 8, [9] = 2};

    for (int i = 0; i < 4; i++) {
        ihdr[i] = (uint8_t)(width >> (24 - 8 * i));
        ihdr[4 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
    file.size = 0;
    append("\x89PNG\r\n\x1a\n", 8);
    append_chunk("IHDR", ihdr, sizeof ihdr);
}

static void test_png_bombs(void **state)
{
    static const struct px_decode_limits small = {.max_pixels = 1000, .max_side = 100};
    static const struct {
        uint32_t width, height;
        const struct px_decode_limits *limits;
        const char *message;
    } rows[] = {
        {60000, 60000, NULL, "60000x60000; at most 16384 per side"},
        {16385, 1, NULL, "16385x1; at most 16384 per side"},
        {1, 0x7fffffff, NULL, "1x2147483647; at most 16384 per side"},
        {0xffffffff, 0xffffffff, NULL, "4294967295x4294967295; at most 16384 per side"},
        {16384, 16384, NULL, "16384x16384, 268435456 pixels; at most 50000000"},
        {101, 1, &small, "101x1; at most 100 per side"},
        {100, 11, &small, "100x11, 1100 pixels; at most 1000"},
        {0, 5, NULL, "0x5; both sides must be at least 1"},
        {5, 0, NULL, "5x0; both sides must be at least 1"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin_png(rows[i].width, rows[i].height);
        append_chunk("IDAT", "x\x9c\x03\0\0\0\0\x01", 8);
        append_chunk("IEND", "", 0);
        assert_int_equal(file.size, 65);
        refused(rows[i].message, rows[i].limits);
    }
}

/* The offset of the frame header (0xff, SOF0 or SOF2) of a JPEG. */
static size_t frame(void)
{
    size_t at = 2;

    while (file.bytes[at + 1] != 0xc0 && file.bytes[at + 1] != 0xc2)
        at += 2u + (size_t)(file.bytes[at + 2] << 8 | file.bytes[at + 3]);
    return at;
}

static void test_jpeg_headers(void **state)
{
    static const struct {
        int offset;
        uint8_t bytes[4];
        size_t count;
        const char *message;
    } rows[] = {
        {5, {0xff, 0xdc, 0xff, 0xdc}, 4, "65500x65500; at most 16384 per side"},
        {5, {0x40, 0x00, 0x40, 0x00}, 4, "16384x16384, 268435456 pixels; at most 50000000"},
        {5, {0, 0}, 2, "23x0; both sides must be at least 1"},
        {7, {0, 0}, 2, "0x17; both sides must be at least 1"},
        {1, {0xc9}, 1, "arithmetic-coded"},
        {1, {0xca}, 1, "arithmetic-coded"},
        {1, {0xc3}, 1, "lossless"},
        {1, {0xc5}, 1, "hierarchical"},
        {4, {12}, 1, "of 12 bits"},
        {9, {2}, 1, "2 colour components"},
        {9, {0}, 1, "0 colour components"},
        {1, {0xd9}, 1, "no frame header"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        load("jpeg/baseline.jpg");
        memcpy(file.bytes + frame() + rows[i].offset, rows[i].bytes, rows[i].count);
        refused(rows[i].message, NULL);
    }
}

/* A progressive JPEG of one grey block whose only scan, of one bit, is given `scans` times. */
static void write_scans(int scans)
{
    static const uint8_t head[] = {0xff, 0xd8, 0xff, 0xc2, 0,    11,   8, 0,  8, 0, 8,
                                   1,    1,    0x11, 0,    0xff, 0xc4, 0, 20, 0, 1};
    static const uint8_t scan[] = {0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0, 0x7f};
    uint8_t ones[64], zeros[16] = {0};

    memset(ones, 1, sizeof ones);
    file.size = 0;
    append(head, 2);
    append((const uint8_t[]){0xff, 0xdb, 0, 67, 0}, 5);
    append(ones, 64);
    append(head + 2, sizeof head - 2);
    append(zeros, 16); /* no longer codes; one symbol, 0 */
    for (int i = 0; i < scans; i++)
        append(scan, sizeof scan);
    append((const uint8_t[]){0xff, 0xd9}, 2);
}

static void test_scans(void **state)
{
    struct px_error err = {0};
    (void)state;

    write_scans(100);
    if (decode(file.size, NULL, &err) != 0)
        fail_msg("%s", err.message);
    write_scans(101);
    refused("more than 100 scans", NULL);
}

static void test_garbage(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } rows[] = {
        {"", 0, "the picture is empty"},
        {"G", 1, "47000000 are neither a PNG nor a JPEG"},
        {"GIF", 3, "47494600 are neither a PNG nor a JPEG"},
        {"\x89PNG", 4, "neither a PNG nor a JPEG"},
        {"\x89PNG\r\n\x1a\n", 8, "the PNG ends inside its header, after 8 bytes"},
        {"\xff\xd8\xff", 3, "the JPEG ends inside its header, after 3 bytes"},
        {"\xff\xd8\xff\xff\xff\xff\xff", 7, "the JPEG ends inside its header"},
        {"\xff\xd8\xff\xe0\0\1zz", 8, "the JPEG ends inside its header, after 8 bytes"},
        {"\xff\xd8\xff\xe0\0\2zzzz", 10, "the JPEG ends inside its header, after 10 bytes"},
        {"\xff\xd8\xff\xe0\0\2zz\xff\xda\0\2", 12, "no frame header before byte 8"},
        {"\xff\xd8\xff\xd8\xff\xe0\0\2", 8, "no frame header before byte 2"},
        {"\xff\xd8\xff\xf7\0\x0b", 6, "the JPEG ends inside its header"},
        {"\xff\xd8\xff\xf7\0\2", 6, "the JPEG is a JPEG-LS, which is not supported"},
        {"\xff\xd8\xff\xc0\0\4\x08\0", 8, "its frame header is short"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        file.size = 0;
        append(rows[i].bytes, rows[i].size);
        refused(rows[i].message, NULL);
    }
    begin_png(1, 1);
    file.bytes[25] = 5;
    refused("colour type 5 does not exist", NULL);
    begin_png(1, 1);
    file.bytes[12] = 'i';
    refused("does not begin with an IHDR", NULL);
}

/* Chunks beside the pixels cannot spoil them: many texts, and a profile over libpng's limits. */
static void test_large_chunk(void **state)
{
    static uint8_t profile[60000];
    struct file *whole = malloc(sizeof *whole);
    (void)state;

    assert_non_null(whole);
    load("png/rgb-8.png");
    memcpy(whole, &file, sizeof file);
    file.size = 33;
    for (int i = 0; i < 40; i++) /* more than libpng may keep, were it to keep them */
        append_chunk("tEXt", "Comment\0hello", 13);
    append_chunk("iCCP", profile, sizeof profile);
    append(whole->bytes + 33, whole->size - 33);
    free(whole);
    struct px_error err = {0};
    if (decode(file.size, NULL, &err) != 0)
        fail_msg("%s", err.message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a picture cut short anywhere is refused", test_truncated),
        CHECK("a changed byte never crashes, and passes in a PNG in IEND's CRC only", test_flipped),
        CHECK("a PNG of 65 bytes that declares a huge or empty size is refused", test_png_bombs),
        CHECK("a JPEG of an unsupported kind or size is refused with the reason",
              test_jpeg_headers),
        CHECK("a JPEG may have 100 scans, not 101", test_scans),
        CHECK("what is not a picture is refused with the reason", test_garbage),
        CHECK("large and many chunks beside the pixels do no harm", test_large_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
