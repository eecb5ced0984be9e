#ifndef SERVER_MESSAGE_ENCODING_H
#define SERVER_MESSAGE_ENCODING_H

/* Smaller and repeated answers: gzip (RFC 9110, 8.4.1) and entity tags (8.8.3). Any thread. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/span.h"

/* Whether an Accept-Encoding header (NULL: none) allows gzip by name or by "*", with q above 0. */
bool px_encoding_allows_gzip(const char *header);

/* Appends `data` in gzip's format; false without memory, with *out unchanged but for its capacity.
 * Takes about 10 ms a megabyte. */
bool px_encoding_gzip(struct px_span data, struct px_buffer *out);

enum { PX_ENTITY_TAG_SIZE = 24 };

/* A weak entity tag: equal for equal bytes, and unlikely to be so for others. */
void px_entity_tag(struct px_span data, char tag[static PX_ENTITY_TAG_SIZE]);

/* Whether an If-None-Match header (NULL: none) lists the tag, or "*". */
bool px_entity_tag_matches(const char *header, const char *tag);

#endif
