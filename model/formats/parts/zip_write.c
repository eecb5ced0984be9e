#include "model/formats/parts/zip_write.h"

#include <string.h>

#include <zlib.h>

#include "model/formats/parts/zip_records.h"

enum { ALIGNMENT = 64, UTF8 = 0x0800, ENTRIES = 0xffff };

/* The archive ends below this, so that no number in it needs zip64. */
static const uint64_t limit = UINT32_MAX;

/* Little-endian fields of a record. */
static uint8_t *put(uint8_t *to, uint64_t value, size_t bytes)
{
    memcpy(to, &value, bytes); /* the machine is little-endian, see model/formats/little.h */
    return to + bytes;
}

/* What local header and directory have in common: from "flags" to "length of the name". */
static uint8_t *put_common(uint8_t *to, uint32_t crc, size_t size, size_t name_length)
{
    to = put(to, UTF8, 2);
    to = put(to, 0, 2); /* stored */
    to = put(to, 0, 4); /* time and date */
    to = put(to, crc, 4);
    to = put(to, size, 4);
    to = put(to, size, 4);
    return put(to, name_length, 2);
}

int px_zip_open(struct px_zip_writer *writer, const char *path, struct px_error *err)
{
    memset(writer, 0, sizeof *writer);
    return px_file_open(&writer->file, path, err);
}

static int add_to_directory(struct px_zip_writer *w, const char *name, size_t size, uint32_t crc,
                            struct px_error *err)
{
    size_t length = strlen(name);
    uint8_t *to = px_buffer_reserve(&w->directory, PX_ZIP_CENTRAL + length);

    if (!to)
        return px_fail(err, PX_E_NOMEM, "%s: no memory for a directory of %zu entries",
                       w->file.path, w->count);
    to = put(to, PX_ZIP_CENTRAL_MARK, 4);
    to = put(to, 0, 4); /* versions */
    to = put_common(to, crc, size, length);
    to = put(to, 0, 8); /* no extra field, no comment, first disk */
    to = put(to, 0, 4); /* attributes */
    to = put(to, w->at, 4);
    memcpy(to, name, length);
    w->directory.size += PX_ZIP_CENTRAL + length;
    w->count++;
    return 0;
}

/* Everything before the data: header, name, and an extra field that brings the data to a multiple
 * of 64 bytes. */
static int write_header(struct px_zip_writer *w, const char *name, size_t size, uint32_t crc,
                        struct px_error *err)
{
    uint8_t header[PX_ZIP_LOCAL];
    uint8_t extra[2 * ALIGNMENT];
    size_t length = strlen(name);
    size_t past = (size_t)((w->at + PX_ZIP_LOCAL + length + 4) % ALIGNMENT);
    size_t pad = past ? ALIGNMENT - past : 0;
    uint8_t *to = put(header, PX_ZIP_LOCAL_MARK, 4);

    to = put(to, 0, 2); /* version */
    to = put_common(to, crc, size, length);
    put(to, pad + 4, 2);
    memcpy(extra, "FB", 2);
    memset(put(extra + 2, pad, 2), 'Z', pad);
    w->at += PX_ZIP_LOCAL + length + 4 + pad;
    int rc = px_file_write(&w->file, header, sizeof header, err);
    if (!rc)
        rc = px_file_write(&w->file, name, length, err);
    return rc ? rc : px_file_write(&w->file, extra, pad + 4, err);
}

int px_zip_add(struct px_zip_writer *w, const char *name, const void *data, size_t size,
               struct px_error *err)
{
    size_t around = PX_ZIP_LOCAL + 2 * ALIGNMENT + PX_ZIP_CENTRAL + 2 * strlen(name) + PX_ZIP_END;

    if (w->count == ENTRIES || size > limit || w->at + size + around + w->directory.size > limit)
        return px_fail(err, PX_E_INVALID, "%s: would be larger than 4 GiB", w->file.path);
    uint32_t crc = (uint32_t)crc32_z(0, data, size);
    int rc = add_to_directory(w, name, size, crc, err);
    if (!rc)
        rc = write_header(w, name, size, crc, err);
    if (!rc)
        rc = px_file_write(&w->file, data, size, err);
    w->at += size;
    return rc;
}

int px_zip_commit(struct px_zip_writer *w, struct px_error *err)
{
    uint8_t end[PX_ZIP_END];
    uint8_t *to = put(end, PX_ZIP_END_MARK, 4);

    to = put(to, 0, 4); /* disks */
    to = put(to, w->count, 2);
    to = put(to, w->count, 2);
    to = put(to, w->directory.size, 4);
    to = put(to, w->at, 4);
    put(to, 0, 2); /* no comment */
    int rc = px_file_write(&w->file, w->directory.data, w->directory.size, err);
    if (!rc)
        rc = px_file_write(&w->file, end, sizeof end, err);
    px_buffer_clear(&w->directory);
    if (!rc)
        return px_file_commit(&w->file, err);
    px_file_abandon(&w->file);
    return rc;
}

void px_zip_abandon(struct px_zip_writer *w)
{
    px_buffer_clear(&w->directory);
    px_file_abandon(&w->file);
}
