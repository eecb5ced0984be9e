#include "tests/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "codecs/base64.h"
#include "codecs/codec.h"
#include "codecs/resize.h"

/* From each allocation of ours on there is no memory: the linker sends ours (--wrap), and libpng's,
 * through here. What the libraries allocate by themselves is not reached. */

static int countdown = -1; /* allocations before memory runs out; negative: it never does */
static int refused;        /* allocations since then */

static int fails(void)
{
    if (countdown < 0)
        return 0;
    if (countdown > 0) {
        countdown--;
        return 0;
    }
    refused++;
    errno = ENOMEM;
    return 1;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

/* Runs `step` until memory suffices; each time before that it must say NOMEM. The sanitizers see
 * what leaks. */
static void exhaust(int (*step)(struct px_error *err), int at_least)
{
    for (int n = 0;; n++) {
        struct px_error err = {0};
        countdown = n;
        refused = 0;
        int rc = step(&err);
        countdown = -1;
        if (!refused) {
            assert_int_equal(rc, 0);
            assert_true(n >= at_least);
            return;
        }
        assert_int_equal(rc, -PX_E_NOMEM);
        assert_int_equal(err.code, PX_E_NOMEM);
        assert_true(err.message[0]);
    }
}

static uint8_t *file; /* of the test that runs */
static size_t file_size;
static struct px_image picture;

static int decode(struct px_error *err)
{
    struct px_image image, before;

    memset(&image, 0xee, sizeof image);
    before = image;
    int rc = px_image_decode((struct px_span){file, file_size}, NULL, 3, &image, err);
    if (rc)
        assert_memory_equal(&image, &before, sizeof image);

    if (!rc)
        px_image_clear(&image);
    return rc;
}

static int resize(struct px_error *err)
{
    struct px_image image, before;

    memset(&image, 0xee, sizeof image); /* the caller's, whatever it holds */
    before = image;
    int rc = px_image_resize(&picture, 20, 90, &image, err);
    if (rc)
        assert_memory_equal(&image, &before, sizeof image);

    if (!rc)
        px_image_clear(&image);
    return rc;
}

static int encode(enum px_format format, struct px_error *err)
{
    struct px_buffer out = {0};
    struct px_encoding encoding = {.format = format, .quality = 90};
    int rc = px_image_encode(&picture, &encoding, &out, err);

    free(out.data);
    return rc;
}

static int encode_png(struct px_error *err)
{
    return encode(PX_FORMAT_PNG, err);
}

static int encode_jpeg(struct px_error *err)
{
    return encode(PX_FORMAT_JPEG, err);
}

static int decode_base64(struct px_error *err)
{
    uint8_t *data;
    size_t size;
    int rc =
        px_base64_decode((struct px_span){(const uint8_t *)"Zm9vYmFy", 8}, 100, &data, &size, err);

    if (!rc)
        free(data);
    return rc;
}

static void test_decode(void **state)
{
    static const struct {
        const char *name;
        int at_least;
    } rows[] = {{"png/rgb-8.png", 2},
                {"png/palette-4-trns.png", 6},
                {"png/turned-6-interlaced.png", 6},
                {"jpeg/turned-6.jpg", 3},
                {"jpeg/cmyk-adobe.jpg", 2}};
    char path[512];
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(path, sizeof path, "%s/codecs/data/%s", getenv("PX_TESTS"), rows[i].name);
        assert_int_equal(px_file_read(path, 1 << 20, &file, &file_size, NULL), 0);
        exhaust(decode, rows[i].at_least);
        free(file);
    }
}

static void test_encode_and_resize(void **state)
{
    (void)state;
    for (uint32_t channels = 1; channels <= 4; channels++) {
        assert_int_equal(px_image_init(&picture, 100, 70, channels, NULL), 0);
        for (size_t i = 0; i < (size_t)7000 * channels; i++)
            picture.data[i] = (uint8_t)(i * i * 31 >> 3);
        exhaust(encode_png, 1);
        exhaust(encode_jpeg, channels % 2 ? 2 : 3);
        exhaust(resize, channels % 2 ? 10 : 11);
        px_image_clear(&picture);
    }
}

static void test_base64(void **state)
{
    (void)state;
    exhaust(decode_base64, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("decoding says so when memory runs out at any allocation", test_decode),
        CHECK("encoding and resizing say so too", test_encode_and_resize),
        CHECK("and base64", test_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
