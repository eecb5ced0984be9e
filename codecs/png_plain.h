#ifndef CODECS_PNG_PLAIN_H
#define CODECS_PNG_PLAIN_H

/* PNGs of the plainest kind, read in about half the time that libpng and zlib take (private to
 * codecs/): 8 bits a sample, neither palette nor tRNS nor interlacing, without any fault in
 * what sets the pixels (png_chunks.h), and not in tens of thousands of short IDATs. Inflated by
 * ISA-L. Stateless and thread-safe.
 *
 * What is read here libpng reads as well, to the same pixels. The one exception is a stream that
 * describes a Huffman code with unused combinations, which no compressor writes and zlib refuses.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "codecs/format.h"
#include "codecs/sink.h"

/* Puts all rows into *sink, of `channels` channels; the caller clears it. header: as
 * px_codec.probe() filled it, checked against the limits. False: the file is not plain or has a
 * fault, or memory is short, and libpng must decide; *sink is then empty. Holds about 90 KB and
 * five rows beside the sink. */
bool px_png_plain_read(struct px_span file, const struct px_header *header, uint32_t channels,
                       struct px_sink *sink);

#endif
