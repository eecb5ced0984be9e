#include "codecs/isal.h"

#include <immintrin.h>

#include <isa-l/crc.h>

/* ISA-L 2.30 never clears the upper halves of the AVX registers that it used (VZEROUPPER). While
 * they hold anything, each SSE instruction has to keep them, so it waits for whatever wrote the
 * register last. Undoing filters right after it took 1.7 times as long on Zen 4: decoding a photo
 * of 256x256 was 0.65 ms instead of 0.57. */

__attribute__((target("avx"))) static void clear_upper_halves(void)
{
    _mm256_zeroupper();
}

static void clean_up(void)
{
    if (__builtin_cpu_supports("avx"))
        clear_upper_halves();
}

int px_isal_inflate(struct inflate_state *state)
{
    int rc = isal_inflate(state);

    clean_up();
    return rc;
}

int px_isal_deflate(struct isal_zstream *stream)
{
    int rc = isal_deflate(stream);

    clean_up();
    return rc;
}

uint32_t px_isal_adler32(uint32_t sum, const uint8_t *data, size_t size)
{
    sum = isal_adler32(sum, data, size);
    clean_up();
    return sum;
}

uint32_t px_isal_crc32(uint32_t crc, const uint8_t *data, size_t size)
{
    crc = crc32_gzip_refl(crc, data, size);
    clean_up();
    return crc;
}
