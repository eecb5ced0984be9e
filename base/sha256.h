#ifndef BASE_SHA256_H
#define BASE_SHA256_H

/* SHA-256 (FIPS 180-4), for content hashes and for comparing secrets. With the CPU's SHA
 * instructions about 1.5 GB a second, without them about 250 MB. The state is plain data: nothing
 * needs clearing, but what hashed a secret should be wiped. */

#include <stddef.h>
#include <stdint.h>

enum { PX_SHA256_SIZE = 32, PX_SHA256_HEX_SIZE = 65 };

struct px_sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
};

void px_sha256_init(struct px_sha256 *hash);
void px_sha256_add(struct px_sha256 *hash, const void *data, size_t size);
void px_sha256_finish(struct px_sha256 *hash, uint8_t digest[static PX_SHA256_SIZE]);

/* The three above in one call. */
void px_sha256(const void *data, size_t size, uint8_t digest[static PX_SHA256_SIZE]);

/* In lower case, with a NUL. */
void px_sha256_hex(const uint8_t digest[static PX_SHA256_SIZE],
                   char text[static PX_SHA256_HEX_SIZE]);

#endif
