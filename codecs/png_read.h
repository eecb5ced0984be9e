#ifndef CODECS_PNG_READ_H
#define CODECS_PNG_READ_H

/* PNG by libpng alone, which reads all kinds and has the last word on what is refused (private to
 * codecs/). Stateless and thread-safe. */

#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "codecs/format.h"
#include "codecs/sink.h"

/* Puts all rows into *sink, of `channels` channels, at 16 bits if the header is deep; the caller
 * clears it, also on failure. header: as px_codec.probe() filled it, checked against the limits.
 * UNPROCESSABLE, NOMEM. */
int px_png_read(struct px_span file, const struct px_header *header, uint32_t channels,
                struct px_sink *sink, struct px_error *err);

#endif
