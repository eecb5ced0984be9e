/* PNGs of 16 bits, as the trainer reads them. */

#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "codecs/codec.h"
#include "codecs/resize.h"

static void read_file(const char *name, uint8_t **data, size_t *size)
{
    char path[512];
    struct px_error err = {0};

    snprintf(path, sizeof path, "%s/codecs/data/png/%s.png", getenv("PX_TESTS"), name);
    assert_int_equal(px_file_read(path, 1 << 20, data, size, &err), 0);
}

static size_t samples(const struct px_image16 *image)
{
    return (size_t)image->width * image->height * image->channels;
}

/* Rounded to 8 bits it is what px_image_decode() gives: to the bit where nothing is computed on the
 * way, else within what the order of rounding makes. */
static void test_decode(void **state)
{
    static const char *const names[] = {"rgb-16",  "rgb-16-interlaced",
                                        "grey-16", "grey-alpha-16",
                                        "rgba-16", "grey-alpha-16-interlaced"};
    (void)state;

    for (size_t f = 0; f < sizeof names / sizeof *names; f++)
        for (uint32_t channels = 1; channels <= 4; channels++) {
            struct px_error err = {0};
            struct px_image_info info;
            struct px_image rounded, eight;
            struct px_image16 deep;
            uint8_t *data;
            size_t size, finer = 0;
            read_file(names[f], &data, &size);
            assert_int_equal(px_image_probe((struct px_span){data, size}, NULL, &info, &err), 0);
            assert_int_equal(info.bits, 16);
            assert_int_equal(
                px_image16_decode((struct px_span){data, size}, NULL, channels, &deep, &err), 0);
            assert_int_equal(
                px_image_decode((struct px_span){data, size}, NULL, channels, &eight, &err), 0);
            assert_int_equal(px_image16_round(&deep, &rounded, &err), 0);
            assert_int_equal(deep.width, eight.width);
            assert_int_equal(deep.channels, channels);
            int off = info.channels == channels ? 0 : 1;
            for (size_t i = 0; i < samples(&deep); i++) {
                assert_true(abs(rounded.data[i] - eight.data[i]) <= off);
                finer += deep.data[i] % 257 != 0;
            }
            assert_true(finer > samples(&deep) / 4);
            px_image16_clear(&deep);
            px_image_clear(&eight);
            px_image_clear(&rounded);
            free(data);
        }
}

static void test_refuses(void **state)
{
    struct px_error err = {0};
    struct px_image16 deep;
    uint8_t *data;
    size_t size;
    (void)state;

    read_file("rgb-8", &data, &size);
    assert_int_equal(px_image16_decode((struct px_span){data, size}, NULL, 3, &deep, &err),
                     -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "does not have 16 bits"));
    free(data);
    read_file("rgb-16", &data, &size);
    for (size_t part = 0; part < size - 12; part += 7)
        assert_int_equal(px_image16_decode((struct px_span){data, part}, NULL, 3, &deep, &err),
                         -PX_E_UNPROCESSABLE);
    for (size_t at = 8; at < size; at++) { /* refused, or another picture; nothing worse */
        data[at] ^= (uint8_t)(1u << at % 8);
        if (px_image16_decode((struct px_span){data, size}, NULL, 4, &deep, NULL) == 0)
            px_image16_clear(&deep);
        data[at] ^= (uint8_t)(1u << at % 8);
    }
    free(data);
}

static void put_crc(uint8_t *chunk, size_t size)
{
    uint32_t c = 0xffffffff;

    for (size_t i = 4; i < size - 4; i++) {
        c ^= chunk[i];
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    for (size_t i = 0; i < 4; i++)
        chunk[size - 4 + i] = (uint8_t)(~c >> (24 - 8 * i));
}

/* What px_decode_limits.as_stored gives: the picture as if it had no orientation. */
static void check_as_stored(struct px_span turned, struct px_span plain)
{
    const struct px_decode_limits as_stored = {.as_stored = true};
    struct px_error err = {0};
    struct px_image_info info, want;
    struct px_image a, b;

    assert_int_equal(px_image_probe(turned, &as_stored, &info, &err), 0);
    assert_int_equal(px_image_probe(plain, NULL, &want, &err), 0);
    assert_true(info.width == want.width && info.height == want.height);
    assert_int_equal(px_image_decode(turned, &as_stored, 3, &a, &err), 0);
    assert_int_equal(px_image_decode(plain, NULL, 3, &b, &err), 0);
    assert_true(a.width == b.width && a.height == b.height);
    assert_memory_equal(a.data, b.data, (size_t)a.width * a.height * 3);
    px_image_clear(&a);
    px_image_clear(&b);
}

/* Every orientation turns a deep picture as it turns an 8-bit one: an eXIf chunk is put before the
 * pixels, where it counts. */
static void test_orientation(void **state)
{
    uint8_t *data, *turned;
    size_t size;
    (void)state;

    read_file("rgb-16", &data, &size);
    turned = malloc(size + 38);
    for (uint8_t o = 1; o <= 8; o++) {
        uint8_t chunk[38] = {0, 0, 0,  26, 'e', 'X', 'I', 'f', 'M', 'M', 0, 42, 0, 0, 0, 8, 0,
                             1, 1, 18, 0,  3,   0,   0,   0,   1,   0,   o, 0,  0, 0, 0, 0, 0};
        struct px_error err = {0};
        struct px_image16 deep;
        struct px_image eight, rounded;
        put_crc(chunk, sizeof chunk);
        memcpy(turned, data, 33);
        memcpy(turned + 33, chunk, sizeof chunk);
        memcpy(turned + 33 + sizeof chunk, data + 33, size - 33);
        assert_int_equal(
            px_image16_decode((struct px_span){turned, size + 38}, NULL, 3, &deep, &err), 0);
        assert_int_equal(
            px_image_decode((struct px_span){turned, size + 38}, NULL, 3, &eight, &err), 0);
        assert_int_equal(deep.width == deep.height || (deep.width > deep.height) == (o < 5), 1);
        assert_int_equal(px_image16_round(&deep, &rounded, &err), 0);
        assert_int_equal(rounded.width, eight.width);
        assert_memory_equal(rounded.data, eight.data, samples(&deep));
        check_as_stored((struct px_span){turned, size + 38}, (struct px_span){data, size});
        px_image16_clear(&deep);
        px_image_clear(&eight);
        px_image_clear(&rounded);
    }
    free(turned);
    free(data);
}

/* A deep picture that holds 8-bit values is scaled to what 8 bits give, finer; one whose values all
 * lie within one 8-bit step stays a picture. */
static void test_resize(void **state)
{
    static const uint32_t sizes[][2] = {{20, 9}, {64, 50}, {33, 7}, {10, 40}, {33, 40}, {7, 21}};
    struct px_random random;
    (void)state;

    px_random_seed(&random, 4);
    for (uint32_t channels = 1; channels <= 4; channels++) {
        struct px_error err = {0};
        struct px_image in, out;
        struct px_image16 deep, scaled;
        assert_int_equal(px_image_init(&in, 33, 21, channels, &err), 0);
        assert_int_equal(px_image16_init(&deep, 33, 21, channels, &err), 0);
        for (size_t i = 0; i < samples(&deep); i++) {
            bool alpha = channels % 2 == 0 && i % channels == channels - 1;
            in.data[i] = (uint8_t)(alpha ? 255 : px_random_below(&random, 256));
            deep.data[i] = (uint16_t)(in.data[i] * 257);
        }
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            assert_int_equal(px_image_resize(&in, sizes[s][0], sizes[s][1], &out, &err), 0);
            assert_int_equal(px_image16_resize(&deep, sizes[s][0], sizes[s][1], &scaled, &err), 0);
            for (size_t i = 0; i < samples(&scaled); i++)
                assert_true(fabs(scaled.data[i] / 257.0 - out.data[i]) < 1.3);
            px_image_clear(&out);
            px_image16_clear(&scaled);
        }
        for (size_t i = 0; i < samples(&deep); i++)
            deep.data[i] = (uint16_t)(channels % 2 == 0 && i % channels == channels - 1
                                          ? 65535
                                          : 30000 + i / channels % 33 * 4);
        assert_int_equal(px_image16_resize(&deep, 66, 21, &scaled, &err), 0);
        for (size_t x = 5; x < 60; x++) /* a slope of 4 becomes one of 2 */
            assert_in_range(scaled.data[x * channels] - scaled.data[(x - 1) * channels], 1, 3);
        px_image16_clear(&scaled);
        assert_int_equal(px_image16_resize(&deep, 33, 21, &scaled, &err), 0);
        assert_memory_equal(scaled.data, deep.data, 2 * samples(&deep));
        px_image16_clear(&scaled);
        assert_int_equal(px_image16_resize(&deep, 0, 21, &scaled, &err), -PX_E_INVALID);
        px_image16_clear(&deep);
        px_image_clear(&in);
    }
}

/* Alpha weighs the colours: what is transparent does not bleed into what is not. */
static void test_alpha(void **state)
{
    struct px_error err = {0};
    struct px_image16 in, out;
    (void)state;

    assert_int_equal(px_image16_init(&in, 8, 1, 2, &err), 0);
    for (size_t x = 0; x < 8; x++) {
        in.data[2 * x] = x < 4 ? 50000 : 0;
        in.data[2 * x + 1] = x < 4 ? 65535 : 0;
    }
    assert_int_equal(px_image16_resize(&in, 16, 1, &out, &err), 0);
    for (size_t x = 0; x < 16; x++)
        if (out.data[2 * x + 1] > 2000)
            assert_in_range(out.data[2 * x], 49900, 54000); /* bicubic overshoots */
    assert_int_equal(out.data[31], 0);
    px_image16_clear(&in);
    px_image16_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("rounded to 8 bits they are what the 8-bit decoder gives", test_decode),
        CHECK("other pictures and damaged ones are refused", test_refuses),
        CHECK("EXIF turns them too, unless they are decoded as stored", test_orientation),
        CHECK("they are scaled as 8-bit pictures, but finer", test_resize),
        CHECK("what is transparent does not bleed", test_alpha),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
