#ifndef CODECS_ISAL_H
#define CODECS_ISAL_H

/* The functions of ISA-L that codecs/ calls (private to it), each with ISA-L's own contract, except
 * that code without AVX runs at its full speed afterwards. Stateless and thread-safe. */

#include <stddef.h>
#include <stdint.h>

#include <isa-l/igzip_lib.h>

int px_isal_inflate(struct inflate_state *state);
int px_isal_deflate(struct isal_zstream *stream);
uint32_t px_isal_adler32(uint32_t sum, const uint8_t *data, size_t size);

/* The CRC of zlib and PNG; 0 begins a new one. */
uint32_t px_isal_crc32(uint32_t crc, const uint8_t *data, size_t size);

#endif
