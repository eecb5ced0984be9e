#ifndef BASE_PSNR_H
#define BASE_PSNR_H

/* How far 8-bit pictures are from each other. Pure functions. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* The mean of (a - b)^2 over `count` bytes, at least one. */
static inline double px_mean_square(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        int d = a[i] - b[i];
        sum += (uint64_t)(d * d);
    }
    return (double)sum / (double)count;
}

/* Peak signal-to-noise ratio in dB; INFINITY for 0. */
static inline double px_psnr(double mean_square)
{
    return mean_square > 0 ? 10 * log10(255.0 * 255.0 / mean_square) : (double)INFINITY;
}

#endif
