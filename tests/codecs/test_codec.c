#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "codecs/codec.h"
#include "codecs/png_read.h"

static struct px_image noise(uint32_t width, uint32_t height, uint32_t channels)
{
    struct px_image image;
    size_t size = (size_t)width * height * channels;

    assert_int_equal(px_image_init(&image, width, height, channels, NULL), 0);
    for (size_t i = 0; i < size; i++)
        image.data[i] = (uint8_t)px_hash(7, channels, i);
    return image;
}

/* A soft gradient, which JPEG keeps well. */
static struct px_image gradient(uint32_t width, uint32_t height, uint32_t channels)
{
    struct px_image image;

    assert_int_equal(px_image_init(&image, width, height, channels, NULL), 0);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < channels; c++)
                image.data[(y * width + x) * channels + c] =
                    (uint8_t)((c % 2 ? x * 255 / width : y * 255 / height) / 2 + 30 * c);
    return image;
}

/* The PNG as libpng reads it must be the picture. */
static void check_by_libpng(struct px_span file, const struct px_image *image)
{
    struct px_header header;
    struct px_sink sink;

    assert_int_equal(px_png_probe(file, &header, NULL), 0);
    assert_int_equal(px_png_read(file, &header, image->channels, &sink, NULL), 0);
    assert_memory_equal(image->data, sink.data,
                        (size_t)image->width * image->height * image->channels);
    px_sink_clear(&sink);
}

static void test_png_round_trip(void **state)
{
    static const struct px_decode_limits large = {.max_side = 1 << 20};
    static const uint32_t sides[][2] = {{1, 1},    {1, 9},     {17, 1},    {13, 7},
                                        {256, 64}, {401, 700}, {90000, 3}, {2, 70000}};
    (void)state;

    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        for (uint32_t kind = 0; kind < 8; kind++) {
            uint32_t channels = 1 + kind / 2;
            struct px_encoding encoding = {.format = PX_FORMAT_PNG, .stored = kind % 2};
            struct px_image in = noise(sides[i][0], sides[i][1], channels), out;
            struct px_image_info info;
            struct px_buffer file = {0};
            assert_int_equal(px_image_encode(&in, &encoding, &file, NULL), 0);
            struct px_span span = {file.data, file.size};
            if (encoding.stored)
                assert_true(file.size > (size_t)in.width * in.height * channels);
            assert_int_equal(px_image_probe(span, &large, &info, NULL), 0);
            assert_int_equal(info.format, PX_FORMAT_PNG);
            assert_int_equal(info.width, in.width);
            assert_int_equal(info.height, in.height);
            assert_int_equal(info.channels, channels);
            assert_int_equal(px_image_decode(span, &large, channels, &out, NULL), 0);
            assert_memory_equal(in.data, out.data, (size_t)in.width * in.height * channels);
            check_by_libpng(span, &in);
            px_image_clear(&in);
            px_image_clear(&out);
            free(file.data);
        }
    }
}

static void test_png_too_large(void **state)
{
    static const struct px_image images[] = {{.width = 1, .height = 0x80000000, .channels = 1},
                                             {.width = 0x80000000, .height = 1, .channels = 1},
                                             {.width = 0x60000000, .height = 1, .channels = 4}};
    (void)state;

    for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
        struct px_buffer file = {0};
        struct px_error err = {0};
        const struct px_encoding encoding = {.format = PX_FORMAT_PNG};
        assert_int_equal(px_image_encode(&images[i], &encoding, &file, &err), -PX_E_UNPROCESSABLE);
        assert_non_null(strstr(err.message, "rows of at most"));
        free(file.data);
    }
}

static int worst_difference(const struct px_image *a, const struct px_image *b)
{
    int worst = 0;

    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->channels, b->channels);
    for (size_t i = 0; i < (size_t)a->width * a->height * a->channels; i++) {
        int d = abs(a->data[i] - b->data[i]);
        worst = d > worst ? d : worst;
    }
    return worst;
}

static void test_jpeg_round_trip(void **state)
{
    (void)state;
    for (uint32_t channels = 1; channels <= 3; channels += 2) {
        for (int quality = 75; quality <= 100; quality += 5) {
            struct px_image in = gradient(67, 45, channels), out;
            struct px_image_info info;
            struct px_buffer file = {0};
            assert_int_equal(px_image_encode(&in,
                                             &(struct px_encoding){PX_FORMAT_JPEG, quality, false},
                                             &file, NULL),
                             0);
            assert_int_equal(
                px_image_probe((struct px_span){file.data, file.size}, NULL, &info, NULL), 0);
            assert_int_equal(info.format, PX_FORMAT_JPEG);
            assert_int_equal(info.channels, channels);
            assert_int_equal(
                px_image_decode((struct px_span){file.data, file.size}, NULL, channels, &out, NULL),
                0);
            assert_in_range(worst_difference(&in, &out), 0, quality >= 90 ? 5 : 14);
            px_image_clear(&in);
            px_image_clear(&out);
            free(file.data);
        }
    }
}

static void test_jpeg_drops_alpha(void **state)
{
    struct px_image in = gradient(40, 40, 4), out;
    struct px_buffer file = {0};
    (void)state;

    for (size_t i = 0; i < 1600; i++)
        in.data[4 * i + 3] = 0; /* all transparent: only the white behind is seen */
    assert_int_equal(
        px_image_encode(&in, &(struct px_encoding){PX_FORMAT_JPEG, 90, false}, &file, NULL), 0);
    assert_int_equal(px_image_decode((struct px_span){file.data, file.size}, NULL, 3, &out, NULL),
                     0);
    for (size_t i = 0; i < 4800; i++)
        assert_in_range(out.data[i], 254, 255);
    px_image_clear(&in);
    px_image_clear(&out);
    free(file.data);
}

static char folder[] = "/tmp/px-codecs-XXXXXX";

static void test_files(void **state)
{
    struct px_image in = gradient(30, 20, 3), out;
    struct px_error err = {0};
    char path[64];
    (void)state;

    snprintf(path, sizeof path, "%s/a.PNG", folder);
    assert_int_equal(px_image_save(path, &in, 90, &err), 0);
    assert_int_equal(px_image_load(path, NULL, 3, &out, &err), 0);
    assert_int_equal(worst_difference(&in, &out), 0);
    px_image_clear(&out);
    unlink(path);

    snprintf(path, sizeof path, "%s/a.jpeg", folder);
    assert_int_equal(px_image_save(path, &in, 95, &err), 0);
    assert_int_equal(px_image_load(path, NULL, 3, &out, &err), 0);
    assert_in_range(worst_difference(&in, &out), 0, 5);
    px_image_clear(&out);
    assert_int_equal(truncate(path, 300), 0);
    assert_int_equal(px_image_load(path, NULL, 3, &out, &err), -PX_E_UNPROCESSABLE);
    assert_memory_equal(err.message, path, strlen(path));
    unlink(path);

    snprintf(path, sizeof path, "%s/a.webp", folder);
    assert_int_equal(px_image_save(path, &in, 90, &err), -PX_E_USAGE);
    assert_int_equal(px_image_load(path, NULL, 3, &out, &err), -PX_E_NOT_FOUND);
    px_image_clear(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a PNG comes back as it was, in every size and channel count", test_png_round_trip),
        CHECK("a picture larger than a PNG can be is refused", test_png_too_large),
        CHECK("a JPEG comes back nearly as it was, at every quality", test_jpeg_round_trip),
        CHECK("a JPEG of a transparent picture shows white", test_jpeg_drops_alpha),
        CHECK("files are saved by their suffix and errors name them", test_files),
    };
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) != 0 || failed;
}
