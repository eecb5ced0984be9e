#include "tests/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "codecs/codec.h"
#include "codecs/resize.h"

/* Against Pillow: make_golden.py beside this file says what data/ holds. */

/* With a NUL behind it. */
static char *read_text(const char *path, size_t *size)
{
    uint8_t *data;
    struct px_error err = {0};

    if (px_file_read(path, 1 << 20, &data, size, &err) != 0)
        fail_msg("%s", err.message);
    char *text = calloc(*size + 1, 1);
    assert_non_null(text);
    memcpy(text, data, *size);
    free(data);
    return text;
}

/* PNG must agree in every byte. JPEG as well with the libjpeg-turbo that made the data, but another
 * version may compute its inverse DCT or chroma upsampling with other SIMD rounding, by 1 or 2. */
static void compare(const char *path, const struct px_image *image, const uint8_t *want,
                    int tolerance)
{
    size_t row = (size_t)image->width * image->channels;

    for (size_t i = 0; i < row * image->height; i++)
        if (abs(image->data[i] - want[i]) > tolerance)
            fail_msg("%s, %u channels: column %zu, row %zu, channel %zu is %u, not %u", path,
                     image->channels, i % row / image->channels, i / row, i % image->channels,
                     image->data[i], want[i]);
}

static void check_picture(const char *folder, const char *name, int tolerance)
{
    char path[512];
    uint8_t *data;
    size_t size, raw_size;
    unsigned width, height;
    struct px_image_info info;
    struct px_image image;
    struct px_error err = {0};

    snprintf(path, sizeof path, "%s/%.*s.raw", folder, (int)(strchr(name, '.') - name), name);
    char *raw = read_text(path, &raw_size);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(px_file_read(path, 1 << 20, &data, &size, &err), 0);

    char *end = memchr(raw, '\n', raw_size);
    assert_non_null(end);
    *end = 0;
    int used;
    assert_int_equal(sscanf(raw, "%u %u%n", &width, &height, &used), 2);
    const uint8_t *want = (uint8_t *)end + 1;
    for (const char *p = raw + used; *p; p += 2) {
        uint32_t channels = (uint32_t)(p[1] - '0');
        if (px_image_probe((struct px_span){data, size}, NULL, &info, &err) != 0 ||
            px_image_decode((struct px_span){data, size}, NULL, channels, &image, &err) != 0)
            fail_msg("%s: %s", path, err.message);
        assert_int_equal(info.width, width);
        assert_int_equal(info.height, height);
        assert_int_equal(image.width, width);
        assert_int_equal(image.height, height);
        assert_int_equal(image.channels, channels);
        compare(path, &image, want, tolerance);
        want += (size_t)width * height * channels;
        px_image_clear(&image);
    }
    assert_ptr_equal(want, raw + raw_size);
    free(data);
    free(raw);
}

static void check_folder(const char *sub, const char *suffix, size_t at_least, int tolerance)
{
    const char *const suffixes[] = {suffix, NULL};
    char folder[400];
    char **names;
    size_t n;

    snprintf(folder, sizeof folder, "%s/codecs/data/%s", getenv("PX_TESTS"), sub);
    assert_int_equal(px_list_folder(folder, suffixes, &names, &n, NULL), 0);
    assert_true(n >= at_least);
    for (size_t i = 0; i < n; i++)
        check_picture(folder, names[i], tolerance);
    free(names);
}

static void test_png(void **state)
{
    (void)state;
    check_folder("png", ".png", 38, 0);
}

static void test_jpeg(void **state)
{
    (void)state;
    check_folder("jpeg", ".jpg", 27, 2);
}

static uint64_t fnv1a(const uint8_t *data, size_t size)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        h = (h ^ data[i]) * UINT64_C(0x100000001b3);
    return h;
}

static void check_resize(const char *line)
{
    struct px_image in, out;
    unsigned width, height, channels, to_width, to_height, kind;
    uint64_t hash;
    char first[17], got[17] = "";

    assert_int_equal(sscanf(line, "%u %u %u %u %u %u %" SCNx64 " %16s", &width, &height, &channels,
                            &to_width, &to_height, &kind, &hash, first),
                     8);
    assert_int_equal(px_image_init(&in, width, height, channels, NULL), 0);
    for (size_t i = 0; i < (size_t)width * height * channels; i++) {
        uint64_t v = px_hash(1, 2, i);
        in.data[i] = (uint8_t)(kind ? 255 * (v & 1) : v);
    }
    assert_int_equal(px_image_resize(&in, to_width, to_height, &out, NULL), 0);
    assert_int_equal(out.width, to_width);
    assert_int_equal(out.height, to_height);
    assert_int_equal(out.channels, channels);
    size_t size = (size_t)to_width * to_height * channels;
    for (size_t i = 0; i < size && i < 8; i++)
        snprintf(got + 2 * i, 3, "%02x", out.data[i]);
    if (fnv1a(out.data, size) != hash)
        fail_msg("%s: begins with %s", line, got);
    px_image_clear(&in);
    px_image_clear(&out);
}

static void test_resize(void **state)
{
    char path[400];
    size_t size;
    int lines = 0;
    (void)state;

    snprintf(path, sizeof path, "%s/codecs/data/resize.txt", getenv("PX_TESTS"));
    char *text = read_text(path, &size);
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && *line; lines++)
        check_resize(line);
    assert_in_range(lines, 100, 10000);
    free(text);
}

static void test_resize_refuses(void **state)
{
    uint8_t pixel = 7;
    struct px_image in = {1, 1, 1, &pixel}, out;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_image_resize(&in, 0, 5, &out, &err), -PX_E_INVALID);
    assert_int_equal(px_image_resize(&in, 5, 65536, &out, &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, "5x65536"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("every kind of PNG gives the pixels of Pillow, bit by bit", test_png),
        CHECK("every kind of JPEG gives the pixels of Pillow, upright", test_jpeg),
        CHECK("resizing gives the pixels of Pillow, bit by bit", test_resize),
        CHECK("sides outside 1 to 65535 are refused", test_resize_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
