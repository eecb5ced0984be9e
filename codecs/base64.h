#ifndef CODECS_BASE64_H
#define CODECS_BASE64_H

/* Base64 of RFC 4648, section 4; decoding also accepts the URL-safe letters of section 5. Stateless
 * and thread-safe. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"

/* The number of characters that `size` bytes become, without a terminating NUL. */
size_t px_base64_size(size_t size);

/* Writes px_base64_size(size) characters and a NUL. */
void px_base64_encode(const uint8_t *data, size_t size, char *text);

/* Decodes the characters of `text`. White space is skipped; padding may be missing but not wrong;
 * left-over bits must be zero. *data is malloc'ed, and untouched on failure. INVALID names the
 * offset of the first wrong character; TOO_LARGE if the result would exceed `limit` bytes; NOMEM.
 */
int px_base64_decode(struct px_span text, size_t limit, uint8_t **data, size_t *size,
                     struct px_error *err);

#endif
