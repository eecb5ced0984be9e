#ifndef CODECS_BASE64_H
#define CODECS_BASE64_H

/* Base64 of RFC 4648, section 4 (with the URL-safe letters of section 5 accepted as well). */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The bytes that `size` bytes become, without a terminating NUL. */
size_t px_base64_size(size_t size);

/* Writes px_base64_size(size) characters and a NUL. */
void px_base64_encode(const uint8_t *data, size_t size, char *text);

/* Decodes `length` characters; white space is skipped, padding optional but correct where given,
 * left-over bits must be zero. *data is malloc'ed. INVALID names the offset of the first wrong
 * character; TOO_LARGE where the result would exceed `limit` bytes. */
int px_base64_decode(const char *text, size_t length, size_t limit, uint8_t **data, size_t *size,
                     struct px_error *err);

#endif
