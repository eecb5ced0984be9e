#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "model/engine/parts/taps.h"

enum { MOST = 3 * 5 * 7 * 16 * 20 }; /* taps */

/* What the sum is, by its definition, in double. */
static double wanted(const float *taps, const struct px_grid *r, int n, int y, int x, int c)
{
    double sum = 0;

    for (int i = 0; i < r->height / 2; i++)
        for (int j = 0; j < r->width / 2; j++) {
            int ky = y + 1 - 2 * i, kx = x + 1 - 2 * j;

            if (ky >= 0 && ky < 4 && kx >= 0 && kx < 4)
                sum += taps[(((n * (r->height / 2) + i) * (r->width / 2) + j) * 16 + 4 * ky + kx) *
                                r->channels +
                            c];
        }
    return sum;
}

static double value(const struct px_grid *r, int i)
{
    return r->dtype == PX_BF16 ? (double)px_bf16_to_f32(((const uint16_t *)r->data)[i])
                               : (double)((const float *)r->data)[i];
}

static void check_sum(int n, int height, int width, int channels, enum px_dtype dtype)
{
    static float taps[MOST], out[MOST / 4 + 1];
    struct px_grid r = {.data = out,
                        .dtype = dtype,
                        .n = n,
                        .height = 2 * height,
                        .width = 2 * width,
                        .channels = channels};
    int elements = n * r.height * r.width * channels;
    struct px_random random;

    px_random_seed(&random, 1);
    for (int i = 0; i < MOST; i++)
        taps[i] = px_random_normal(&random);
    out[dtype == PX_BF16 ? elements / 2 : elements] = 12345; /* beyond the grid */
    px_taps_sum(taps, &r, 2);
    for (int i = 0; i < elements; i++) {
        int pixel = i / channels, x = pixel % r.width, y = pixel / r.width % r.height;
        double want = wanted(taps, &r, pixel / (r.width * r.height), y, x, i % channels);
        double allowed = dtype == PX_BF16 ? fabs(want) / 256 + 1e-5 : 2e-6;

        assert_true(fabs(value(&r, i) - want) <= allowed);
    }
    assert_true(out[dtype == PX_BF16 ? elements / 2 : elements] == 12345);
}

static void test_sum(void **state)
{
    (void)state;
    check_sum(1, 1, 1, 4, PX_F32);
    check_sum(2, 1, 4, 16, PX_F32);
    check_sum(3, 5, 7, 20, PX_F32);
    check_sum(1, 4, 2, 5, PX_F32);
}

static void test_sum_bf16(void **state)
{
    (void)state;
    check_sum(1, 1, 1, 2, PX_BF16);
    check_sum(3, 5, 7, 18, PX_BF16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("sums what pixels give to their neighbours, also beside edges", test_sum),
        CHECK("rounds the sums to bf16", test_sum_bf16),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
