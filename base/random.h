#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

/* Reproducible random numbers, the same on every machine. Two kinds:
 *
 * px_random: a sequence (xoshiro256**, Blackman & Vigna 2018, seeded by splitmix64). Its state is
 * four words that may be written to a file and read back. One object serves one thread at a time.
 *
 * px_hash: a counter-based value, for draws that must not depend on the order of work: the same
 * (seed, stream, index) gives the same 64 bits whatever thread or batch asks. */

#include <stdint.h>

struct px_random {
    uint64_t state[4];
};

void px_random_seed(struct px_random *random, uint64_t seed);
uint64_t px_random_next(struct px_random *random);

/* An integer in [0, n), without bias; n >= 1. */
uint32_t px_random_below(struct px_random *random, uint32_t n);

/* A float in [0, 1) with 24 random bits. */
float px_random_uniform(struct px_random *random);

/* A draw from N(0, 1), Box-Muller; uses two draws of the sequence a call. Not bit-identical across
 * mathematical libraries. */
float px_random_normal(struct px_random *random);

static inline uint64_t px_mix64(uint64_t z) /* the finaliser of splitmix64 */
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint64_t px_hash(uint64_t seed, uint64_t stream, uint64_t index)
{
    uint64_t key = px_mix64(seed + UINT64_C(0x9e3779b97f4a7c15)) ^
                   px_mix64(stream * UINT64_C(0xd1342543de82ef95) + 1);
    return px_mix64(key + (index + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

#endif
