#include "model/formats/protobuf.h"

#include <string.h>

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

static void emit(struct px_protobuf *pb, const void *data, size_t size)
{
    if (pb->rc || size == 0)
        return;
    if (pb->file)
        pb->rc = px_file_write(pb->file, data, size, pb->err);
    else if (!px_buffer_append(pb->memory, data, size))
        pb->rc = px_fail(pb->err, PX_E_NOMEM, "no memory for a protobuf message");
}

static void flush(struct px_protobuf *pb)
{
    emit(pb, pb->buffer, pb->used);
    pb->used = 0;
}

static void init(struct px_protobuf *pb, struct px_error *err)
{
    pb->file = NULL;
    pb->memory = NULL;
    pb->err = err;
    pb->rc = 0;
    pb->counting = false;
    pb->size = 0;
    pb->used = 0;
}

void px_protobuf_init(struct px_protobuf *pb, struct px_file_writer *file, struct px_error *err)
{
    init(pb, err);
    pb->file = file;
}

void px_protobuf_init_memory(struct px_protobuf *pb, struct px_buffer *memory, struct px_error *err)
{
    init(pb, err);
    pb->memory = memory;
}

int px_protobuf_flush(struct px_protobuf *pb)
{
    flush(pb);
    return pb->rc;
}

uint64_t px_protobuf_measure(px_protobuf_fill *fill, const void *context)
{
    struct px_protobuf pb;

    init(&pb, NULL);
    pb.counting = true;
    fill(&pb, context);
    return pb.size;
}

void px_protobuf_raw(struct px_protobuf *pb, const void *data, size_t size)
{
    if (pb->counting || pb->rc)
        return;
    if (size > sizeof pb->buffer - pb->used)
        flush(pb);
    if (size <= sizeof pb->buffer) {
        memcpy(pb->buffer + pb->used, data, size);
        pb->used += size;
    } else {
        emit(pb, data, size);
    }
}

/* Counts and writes. */
static void put(struct px_protobuf *pb, const void *data, size_t size)
{
    pb->size += size;
    px_protobuf_raw(pb, data, size);
}

static void put_varint(struct px_protobuf *pb, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;

    while (value >= 0x80) {
        bytes[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[n++] = (uint8_t)value;
    put(pb, bytes, n);
}

static void put_tag(struct px_protobuf *pb, unsigned number, enum wire_type type)
{
    put_varint(pb, (uint64_t)number << 3 | (uint64_t)type);
}

void px_protobuf_integer(struct px_protobuf *pb, unsigned number, int64_t value)
{
    put_tag(pb, number, WIRE_VARINT);
    put_varint(pb, (uint64_t)value);
}

static void put_little(struct px_protobuf *pb, uint64_t bits, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(bits >> 8 * i);
    put(pb, bytes, size);
}

void px_protobuf_float(struct px_protobuf *pb, unsigned number, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    put_tag(pb, number, WIRE_FIXED32);
    put_little(pb, bits, sizeof bits);
}

void px_protobuf_double(struct px_protobuf *pb, unsigned number, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    put_tag(pb, number, WIRE_FIXED64);
    put_little(pb, bits, sizeof bits);
}

bool px_protobuf_bytes(struct px_protobuf *pb, unsigned number, uint64_t size)
{
    put_tag(pb, number, WIRE_LENGTH);
    put_varint(pb, size);
    pb->size += size;
    return !pb->counting && !pb->rc;
}

void px_protobuf_string(struct px_protobuf *pb, unsigned number, const char *text)
{
    size_t size = strlen(text);

    if (px_protobuf_bytes(pb, number, size))
        px_protobuf_raw(pb, text, size);
}

void px_protobuf_message(struct px_protobuf *pb, unsigned number, px_protobuf_fill *fill,
                         const void *context)
{
    const bool counting = pb->counting;
    const uint64_t before = pb->size;

    pb->counting = true;
    fill(pb, context);
    uint64_t size = pb->size - before;
    pb->counting = counting;
    pb->size = before;
    if (!px_protobuf_bytes(pb, number, size))
        return;
    pb->size -= size; /* fill() counts it */
    fill(pb, context);
}
