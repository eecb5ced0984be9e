#include "base/sha256.h"

#include <stdbool.h>
#include <string.h>

/* PX_SHA256_PORTABLE: the tests build this file once without them. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(PX_SHA256_PORTABLE)
#include <cpuid.h>
#include <immintrin.h>
#define HAS_INSTRUCTIONS
#endif

enum { SHA_BLOCK = 64 };

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static uint32_t load_word(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The 64 words of a block's schedule. */
static void expand(const uint8_t *data, uint32_t w[static 64])
{
    for (int i = 0; i < 16; i++)
        w[i] = load_word(data + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] +
               (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
}

/* A round with the state's words turned by `i` places, so that none has to be moved. */
static inline void round_of(uint32_t s[static 8], unsigned i, uint32_t w)
{
    uint32_t a = s[-i & 7], b = s[(1 - i) & 7], c = s[(2 - i) & 7], e = s[(4 - i) & 7];
    uint32_t f = s[(5 - i) & 7], g = s[(6 - i) & 7];
    uint32_t x = s[(7 - i) & 7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) +
                 constants[i] + w;

    s[(3 - i) & 7] += x;
    s[(7 - i) & 7] = x + (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
}

static void add_block(uint32_t state[static 8], const uint8_t *data)
{
    uint32_t w[64], s[8];

    expand(data, w);
    memcpy(s, state, sizeof s);
    for (unsigned i = 0; i < 64; i += 8)
#pragma GCC unroll 8
        for (unsigned j = 0; j < 8; j++)
            round_of(s, i + j, w[i + j]);
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

#ifdef HAS_INSTRUCTIONS
static bool has_instructions(void)
{
    unsigned a, b = 0, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0 &&
           __builtin_cpu_supports("sse4.1");
}

/* Four rounds at a time; the instructions want the state as (A B E F) and (C D G H). */
__attribute__((target("sha,sse4.1"))) static void add_blocks_fast(uint32_t state[static 8],
                                                                  const uint8_t *data, size_t count)
{
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i x = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)state), 0xb1);
    __m128i y =
        _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(x, y, 8), cdgh = _mm_blend_epi16(y, x, 0xf0);

    for (; count > 0; count--, data += SHA_BLOCK) {
        __m128i before_abef = abef, before_cdgh = cdgh, w[4];
        for (int i = 0; i < 16; i++) {
            __m128i now;
            if (i < 4) {
                now = _mm_shuffle_epi8(
                    _mm_loadu_si128((const __m128i *)(const void *)(data + 16 * i)), order);
            } else {
                __m128i last = w[(i - 1) & 3];
                now = _mm_sha256msg1_epu32(w[i & 3], w[(i - 3) & 3]);
                now = _mm_add_epi32(now, _mm_alignr_epi8(last, w[(i - 2) & 3], 4));
                now = _mm_sha256msg2_epu32(now, last);
            }
            w[i & 3] = now;
            now = _mm_add_epi32(
                now, _mm_loadu_si128((const __m128i *)(const void *)(constants + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, now);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(now, 0x0e));
        }
        abef = _mm_add_epi32(abef, before_abef);
        cdgh = _mm_add_epi32(cdgh, before_cdgh);
    }
    x = _mm_shuffle_epi32(abef, 0x1b);
    y = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(x, y, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(y, x, 8));
}
#endif

static void add_blocks(uint32_t state[static 8], const uint8_t *data, size_t count)
{
#ifdef HAS_INSTRUCTIONS
    if (count > 0 && has_instructions()) {
        add_blocks_fast(state, data, count);
        return;
    }
#endif
    for (size_t i = 0; i < count; i++)
        add_block(state, data + SHA_BLOCK * i);
}

void px_sha256_init(struct px_sha256 *hash)
{
    *hash = (struct px_sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                         0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void px_sha256_add(struct px_sha256 *hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    size_t have = hash->length % SHA_BLOCK;

    hash->length += size;
    if (have > 0) {
        size_t n = size < SHA_BLOCK - have ? size : SHA_BLOCK - have;
        memcpy(hash->block + have, bytes, n);
        if (have + n < SHA_BLOCK)
            return;
        add_blocks(hash->state, hash->block, 1);
        bytes += n;
        size -= n;
    }
    add_blocks(hash->state, bytes, size / SHA_BLOCK);
    if (size % SHA_BLOCK > 0)
        memcpy(hash->block, bytes + size / SHA_BLOCK * SHA_BLOCK, size % SHA_BLOCK);
}

void px_sha256_finish(struct px_sha256 *hash, uint8_t digest[static PX_SHA256_SIZE])
{
    static const uint8_t padding[SHA_BLOCK] = {0x80};
    uint64_t bits = hash->length * 8;
    size_t have = hash->length % SHA_BLOCK;
    uint8_t length[8];

    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    px_sha256_add(hash, padding, (have < 56 ? 56 : 56 + SHA_BLOCK) - have);
    px_sha256_add(hash, length, sizeof length);
    for (int i = 0; i < PX_SHA256_SIZE; i++)
        digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

void px_sha256(const void *data, size_t size, uint8_t digest[static PX_SHA256_SIZE])
{
    struct px_sha256 hash;

    px_sha256_init(&hash);
    px_sha256_add(&hash, data, size);
    px_sha256_finish(&hash, digest);
    explicit_bzero(&hash, sizeof hash);
}

void px_sha256_hex(const uint8_t digest[static PX_SHA256_SIZE],
                   char text[static PX_SHA256_HEX_SIZE])
{
    for (int i = 0; i < PX_SHA256_SIZE; i++) {
        text[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    text[2 * PX_SHA256_SIZE] = '\0';
}
