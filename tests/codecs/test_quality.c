#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/lab.h"
#include "codecs/quality.h"

static uint32_t draw(uint32_t *state)
{
    return *state = (*state * UINT32_C(1103515245) + 12345) & 0x7fffffff;
}

/* The pictures of make_quality_golden.py. */
static void make(struct px_image *a, struct px_image *b, int noise, uint32_t seed)
{
    uint8_t *p = a->data, *q = b->data;

    for (uint32_t y = 0; y < a->height; y++)
        for (uint32_t x = 0; x < a->width; x++)
            for (uint32_t c = 0; c < a->channels; c++) {
                int value = (int)((x * 9 + y * 5 + c * 40 + (draw(&seed) >> 20) % 32) % 256);
                int other = value + (int)((draw(&seed) >> 16) % (uint32_t)(noise + 1)) - noise / 2;
                *p++ = (uint8_t)value;
                *q++ = (uint8_t)(other < 0 ? 0 : other > 255 ? 255 : other);
            }
}

static void test_golden(void **state)
{
    char path[512];
    unsigned w, h, channels, seed;
    int noise, cases = 0;
    double l1, psnr, ssim;
    (void)state;

    snprintf(path, sizeof path, "%s/codecs/data/quality.txt", getenv("PX_TESTS"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fscanf(file, "%u %u %u %d %u %lf %lf %lf", &w, &h, &channels, &noise, &seed, &l1, &psnr,
                  &ssim) == 8) {
        struct px_image a = {0}, b = {0};
        struct px_quality quality;
        struct px_error err = {0};
        assert_int_equal(px_image_init(&a, w, h, channels, &err), 0);
        assert_int_equal(px_image_init(&b, w, h, channels, &err), 0);
        make(&a, &b, noise, seed);
        assert_int_equal(px_quality_compare(&a, &b, &quality, &err), 0);
        assert_true(fabs(quality.l1 - l1) < 1e-12);
        assert_true(fabs(quality.psnr - psnr) < 1e-10);
        assert_true(fabs(quality.ssim - ssim) < 1e-10);
        px_image_clear(&a);
        px_image_clear(&b);
        cases++;
    }
    fclose(file);
    assert_int_equal(cases, 6);
}

/* scikit-image computes in double from the same 8 bits; its Lab constants are ours to 6 digits. */
static void check_compare(const char *line)
{
    unsigned w, h, channels, seed;
    int noise;
    double psnr, ssim, ms_ssim, got;
    struct px_image a = {0}, b = {0};
    struct px_quality quality;

    assert_int_equal(sscanf(line, "compare %u %u %u %d %u %lf %lf %lf", &w, &h, &channels, &noise,
                            &seed, &psnr, &ssim, &ms_ssim),
                     8);
    assert_int_equal(px_image_init(&a, w, h, channels, NULL), 0);
    assert_int_equal(px_image_init(&b, w, h, channels, NULL), 0);
    make(&a, &b, noise, seed);
    assert_int_equal(px_quality_compare(&a, &b, &quality, NULL), 0);
    assert_int_equal(px_quality_ms_ssim(&a, &b, &got, NULL), 0);
    assert_true(fabs(quality.psnr - psnr) < 1e-9);
    assert_true(fabs(quality.ssim - ssim) < 1e-9);
    assert_true(fabs(got - ms_ssim) < 1e-9);
    px_image_clear(&a);
    px_image_clear(&b);
}

static void check_lab(const char *line)
{
    unsigned r, g, b;
    float L, A, B;

    assert_int_equal(sscanf(line, "lab %u %u %u %f %f %f", &r, &g, &b, &L, &A, &B), 6);
    const struct px_lab lab =
        px_lab_from_srgb((const uint8_t[3]){(uint8_t)r, (uint8_t)g, (uint8_t)b});
    if (fabsf(lab.L - L) > 2e-3F || fabsf(lab.a - A) > 2e-3F || fabsf(lab.b - B) > 2e-3F)
        fail_msg("%s: %f %f %f", line, (double)lab.L, (double)lab.a, (double)lab.b);
}

static void test_skimage(void **state)
{
    char path[512], line[256];
    int compared = 0, colours = 0;
    (void)state;

    snprintf(path, sizeof path, "%s/codecs/data/skimage.txt", getenv("PX_TESTS"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "lab", 3) == 0) {
            check_lab(line);
            colours++;
        } else {
            check_compare(line);
            compared++;
        }
    fclose(file);
    assert_int_equal(compared, 3);
    assert_int_equal(colours, 12);
}

/* Flat pictures have no variance: SSIM is (2 a b + c1) / (a^2 + b^2 + c1). */
static void test_flat(void **state)
{
    struct px_image a = {0}, b = {0};
    struct px_quality quality;
    struct px_error err = {0};
    const double c1 = 2.55 * 2.55;
    (void)state;

    assert_int_equal(px_image_init(&a, 16, 12, 1, &err), 0);
    assert_int_equal(px_image_init(&b, 16, 12, 1, &err), 0);
    memset(a.data, 100, 16 * 12);
    memset(b.data, 150, 16 * 12);
    assert_int_equal(px_quality_compare(&a, &b, &quality, &err), 0);
    assert_true(fabs(quality.l1 - 50 / 127.5) < 1e-12);
    assert_true(fabs(quality.psnr - 14.1514) < 1e-4); /* 20 log10(255 / 50) */
    assert_true(fabs(quality.ssim - (30000 + c1) / (32500 + c1)) < 1e-9);

    assert_int_equal(px_quality_compare(&a, &a, &quality, &err), 0);
    assert_true(quality.l1 == 0);
    assert_true(isinf(quality.psnr));
    assert_true(fabs(quality.ssim - 1) < 1e-12);
    px_image_clear(&a);
    px_image_clear(&b);
}

static void test_refused(void **state)
{
    struct px_image a = {0}, b = {0};
    struct px_quality quality;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_image_init(&a, 16, 10, 3, &err), 0);
    assert_int_equal(px_image_init(&b, 16, 12, 3, &err), 0);
    assert_int_equal(px_quality_compare(&a, &b, &quality, &err), -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "16x10"));
    assert_int_equal(px_quality_compare(&a, &a, &quality, &err), -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "too small"));
    px_image_clear(&a);
    px_image_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("PSNR, SSIM, MS-SSIM and Lab colours are scikit-image's", test_skimage),
        CHECK("L1, PSNR and SSIM are those of their definitions", test_golden),
        CHECK("flat and equal pictures give the values that paper gives", test_flat),
        CHECK("pictures of other sizes and tiny ones are refused", test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
