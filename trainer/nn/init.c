#include "trainer/nn/init.h"

#include <math.h>
#include <stdlib.h>

#include "base/simd.h"
#include "trainer/nn/parts/floats.h"

static void draw(float *out, size_t count, float mean, float deviation, struct px_random *random)
{
    for (size_t i = 0; i < count; i++)
        out[i] = mean + deviation * px_random_normal(random);
}

/* A sum that does not depend on the machine's vectors. */
PX_CLONES static float dot(const float *a, const float *b, size_t n)
{
    enum { SUMS = 16 };
    float lanes[SUMS] = {0};
    size_t i = 0;
    float sum = 0;

    for (; i + SUMS <= n; i += SUMS)
#pragma omp simd
        for (size_t l = 0; l < SUMS; l++)
            lanes[l] += a[i + l] * b[i + l];
    for (; i < n; i++)
        sum += a[i] * b[i];
    for (size_t l = 0; l < SUMS; l++)
        sum += lanes[l];
    return sum;
}

PX_CLONES static void subtract(float *v, const float *q, float factor, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        v[i] -= factor * q[i];
}

/* Gram-Schmidt, twice for each row, which leaves only rounding: rows[i] becomes a unit vector
 * orthogonal to those before it. This is the Q of a QR decomposition whose R has a positive
 * diagonal, as torch.nn.init.orthogonal_() makes it. count <= length. */
static void orthonormalise(float *rows, size_t count, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        float *v = rows + i * length;
        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < i; j++) {
                const float *q = rows + j * length;
                subtract(v, q, dot(v, q, length), length);
            }
        float scale = 1.0f / sqrtf(dot(v, v, length));
        for (size_t k = 0; k < length; k++)
            v[k] *= scale;
    }
}

/* A tall matrix is drawn and made orthonormal lying down. */
static int orthogonal(float *weight, size_t rows, size_t columns, const struct px_init *init,
                      struct px_random *random, struct px_error *err)
{
    size_t count = rows < columns ? rows : columns, length = rows < columns ? columns : rows;
    float *vectors = px_floats(count * length);

    if (!vectors)
        return px_fail(err, PX_E_NOMEM, "no memory for orthogonal weights of %zu x %zu", rows,
                       columns);
    draw(vectors, count * length, 0, 1, random);
    orthonormalise(vectors, count, length);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            float v = rows < columns ? vectors[r * length + c] : vectors[c * length + r];
            weight[r * columns + c] = (float)init->gain * v;
        }
    free(vectors);
    return 0;
}

int px_init_weight(const struct px_init *init, float *weight, const int64_t shape[4],
                   struct px_random *random, struct px_error *err)
{
    size_t rows = (size_t)shape[0], columns = (size_t)(shape[1] * shape[2] * shape[3]);
    double fan_in = (double)columns, fan_out = (double)(shape[0] * shape[2] * shape[3]);
    double deviation = init->gain;

    if (init->type == PX_INIT_ORTHOGONAL)
        return orthogonal(weight, rows, columns, init, random, err);
    if (init->type == PX_INIT_XAVIER)
        deviation = init->gain * sqrt(2.0 / (fan_in + fan_out));
    else if (init->type == PX_INIT_KAIMING)
        deviation = sqrt(2.0 / fan_in);
    draw(weight, rows * columns, 0, (float)deviation, random);
    return 0;
}

void px_init_gamma(const struct px_init *init, float *gamma, size_t count, struct px_random *random)
{
    draw(gamma, count, 1, (float)init->gain, random);
}
