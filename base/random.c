#include "base/random.h"

#include <math.h>

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void px_random_seed(struct px_random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        random->state[i] = px_mix64(seed);
    }
}

uint64_t px_random_next(struct px_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint32_t px_random_below(struct px_random *random, uint32_t n)
{
    uint32_t limit = UINT32_MAX - UINT32_MAX % n; /* a multiple of n */
    uint32_t x;

    do
        x = (uint32_t)(px_random_next(random) >> 32);
    while (x >= limit);
    return x % n;
}

float px_random_uniform(struct px_random *random)
{
    return (float)(px_random_next(random) >> 40) * 0x1p-24f;
}

float px_random_normal(struct px_random *random)
{
    float u = 1.0f - px_random_uniform(random); /* (0, 1] */
    float v = px_random_uniform(random);

    return sqrtf(-2.0f * logf(u)) * cosf(6.28318530718f * v);
}
