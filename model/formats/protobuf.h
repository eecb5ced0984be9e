#ifndef MODEL_FORMATS_PROTOBUF_H
#define MODEL_FORMATS_PROTOBUF_H

/* Writes one protobuf message (protobuf.dev/programming-guides/encoding), front to back: to a file
 * without ever holding it in memory, or into memory.
 *
 * A nested message begins with its length, so a message is filled by a function: it is called once
 * to count and once to write, and must do the same both times. The first failure stays, and nothing
 * is written after it, so that only the result of px_protobuf_flush() need be checked. Plain data
 * on the caller's stack, for one thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"

struct px_protobuf {
    struct px_file_writer *file; /* borrowed; this or */
    struct px_buffer *memory;    /* borrowed; both NULL: bytes are only counted */
    struct px_error *err;
    int rc;
    bool counting;
    uint64_t size; /* bytes of the message so far */
    size_t used;   /* of buffer */
    uint8_t buffer[8192];
};

typedef void px_protobuf_fill(struct px_protobuf *pb, const void *context);

/* The bytes that `fill` would write. */
uint64_t px_protobuf_measure(px_protobuf_fill *fill, const void *context);

void px_protobuf_init(struct px_protobuf *pb, struct px_file_writer *file, struct px_error *err);
void px_protobuf_init_memory(struct px_protobuf *pb, struct px_buffer *memory,
                             struct px_error *err);
/* Writes what is still buffered; 0, or what failed first (NOMEM). The file stays open. */
int px_protobuf_flush(struct px_protobuf *pb);

/* One field each; numbers are field numbers, from 1. */
void px_protobuf_integer(struct px_protobuf *pb, unsigned number, int64_t value); /* varint */
void px_protobuf_float(struct px_protobuf *pb, unsigned number, float value);
void px_protobuf_double(struct px_protobuf *pb, unsigned number, double value);
void px_protobuf_string(struct px_protobuf *pb, unsigned number, const char *text);
void px_protobuf_message(struct px_protobuf *pb, unsigned number, px_protobuf_fill *fill,
                         const void *context);

/* A field of `size` bytes in pieces: begin it, then call px_protobuf_raw() until all are given. If
 * px_protobuf_bytes() returns false, give nothing: only the size was wanted, or writing has failed
 * before. */
bool px_protobuf_bytes(struct px_protobuf *pb, unsigned number, uint64_t size);
void px_protobuf_raw(struct px_protobuf *pb, const void *data, size_t size);

#endif
