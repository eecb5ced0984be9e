#include "model/formats/parts/zip.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "model/formats/little.h"
#include "model/formats/parts/zip_records.h"

enum { FLAG_ENCRYPTED = 1, FLAG_DESCRIPTOR = 8 };

struct archive {
    const uint8_t *data;
    size_t size;
    size_t count;           /* of entries, */
    size_t offset, central; /* place and size of the central directory */
};

/* The sizes and the place that a header states; zip64 extra fields hold what 32 bits cannot. */
struct entry_sizes {
    uint64_t size, stored, offset;
};

/* Whether a 16 or 32-bit field of the end record says what the zip64 record says, or points there.
 */
static bool agrees(uint64_t field, uint64_t full, uint64_t none)
{
    return field == full || field == none;
}

static int read_end64(struct archive *a, const uint8_t *end, size_t *behind, struct px_error *err)
{
    const uint8_t *locator = end - PX_ZIP_LOCATOR;
    size_t place = (size_t)(locator - a->data);

    if (place < PX_ZIP_END64 || px_u64(locator + 8) != place - PX_ZIP_END64 ||
        px_u32(a->data + place - PX_ZIP_END64) != PX_ZIP_END64_MARK)
        return px_fail(err, PX_E_FORMAT, "the zip64 end record is not where the locator says");
    const uint8_t *record = a->data + place - PX_ZIP_END64;
    if (px_u64(record + 4) != PX_ZIP_END64 - 12 || px_u32(record + 16) != 0 ||
        px_u32(record + 20) != 0 || px_u64(record + 24) != px_u64(record + 32))
        return px_fail(err, PX_E_FORMAT, "the zip64 end record contradicts itself");
    if (!agrees(px_u16(end + 10), px_u64(record + 32), UINT16_MAX) ||
        !agrees(px_u32(end + 12), px_u64(record + 40), UINT32_MAX) ||
        !agrees(px_u32(end + 16), px_u64(record + 48), UINT32_MAX))
        return px_fail(err, PX_E_FORMAT, "the two end records of the zip archive disagree");
    a->count = px_u64(record + 32);
    a->central = px_u64(record + 40);
    a->offset = px_u64(record + 48);
    *behind = place - PX_ZIP_END64;
    return 0;
}

/* Reports what is wrong with a file that does not end with an end record. */
static int no_end(const struct archive *a, struct px_error *err)
{
    static const uint8_t mark[] = {'P', 'K', 5, 6};

    for (size_t i = a->size >= PX_ZIP_END ? a->size - PX_ZIP_END : 0; i-- > 0;)
        if (memcmp(a->data + i, mark, sizeof mark) == 0)
            return px_fail(err, PX_E_FORMAT, "%zu bytes follow the end of the zip archive",
                           a->size - i - PX_ZIP_END);
    return px_fail(err, PX_E_FORMAT, "the zip archive is cut short: it has no end record");
}

static int read_end(struct archive *a, struct px_error *err)
{
    if (a->size < PX_ZIP_END || px_u32(a->data + a->size - PX_ZIP_END) != PX_ZIP_END_MARK)
        return no_end(a, err);
    const uint8_t *end = a->data + a->size - PX_ZIP_END;
    size_t behind = a->size - PX_ZIP_END; /* where the central directory must end */
    size_t place;
    a->count = px_u16(end + 10);
    a->central = px_u32(end + 12);
    a->offset = px_u32(end + 16);
    if (px_u32(end + 4) != 0 || px_u16(end + 8) != px_u16(end + 10) || px_u16(end + 20) != 0)
        return px_fail(err, PX_E_FORMAT, "the zip archive's end record contradicts itself");
    if (behind >= PX_ZIP_LOCATOR && px_u32(end - PX_ZIP_LOCATOR) == PX_ZIP_LOCATOR_MARK) {
        int rc = read_end64(a, end, &behind, err);
        if (rc)
            return rc;
    }
    if (!px_add(a->offset, a->central, &place) || place != behind)
        return px_fail(err, PX_E_FORMAT,
                       "the zip archive's central directory (%zu bytes at %zu) does not end at its "
                       "end record (%zu)",
                       a->central, a->offset, behind);
    if (a->count > a->central / PX_ZIP_CENTRAL)
        return px_fail(err, PX_E_FORMAT, "%zu bytes are too few for a directory of %zu entries",
                       a->central, a->count);
    return 0;
}

/* Takes the values that are `absent` in the header from its zip64 extra field. */
static bool read_extra(struct entry_sizes *sizes, const uint8_t *extra, size_t length)
{
    uint64_t *wanted[3];
    size_t n = 0;

    if (sizes->size == UINT32_MAX)
        wanted[n++] = &sizes->size;
    if (sizes->stored == UINT32_MAX)
        wanted[n++] = &sizes->stored;
    if (sizes->offset == UINT32_MAX)
        wanted[n++] = &sizes->offset;
    while (n && length >= 4) {
        size_t field = px_u16(extra + 2);
        if (field > length - 4)
            return false;
        if (px_u16(extra) == 1) {
            if (field < 8 * n)
                return false;
            for (size_t i = 0; i < n; i++)
                *wanted[i] = px_u64(extra + 4 + 8 * i);
            return true;
        }
        extra += 4 + field;
        length -= 4 + field;
    }
    return n == 0;
}

/* Whether a data descriptor at `at` holds what the directory says, with sizes of `width` bytes. */
static bool descriptor_agrees(const struct archive *a, size_t at, size_t width,
                              const struct px_zip_entry *entry)
{
    if (a->offset - at < 8 + 2 * width)
        return false;
    const uint8_t *p = a->data + at;
    uint64_t stored = width == 8 ? px_u64(p + 8) : px_u32(p + 8);
    uint64_t size = width == 8 ? px_u64(p + 16) : px_u32(p + 12);
    return px_u32(p) == PX_ZIP_DESCRIPTOR_MARK && px_u32(p + 4) == entry->crc &&
           stored == entry->size && size == entry->full;
}

static int read_descriptor(const struct archive *a, struct px_zip_entry *entry,
                           struct px_error *err)
{
    if (descriptor_agrees(a, entry->end, 4, entry))
        entry->end += 16;
    else if (descriptor_agrees(a, entry->end, 8, entry))
        entry->end += 24;
    else
        return px_fail(err, PX_E_FORMAT,
                       "zip entry '%.100s': its data descriptor and the directory disagree",
                       entry->name);
    return 0;
}

/* Finds the data by way of the local header, which must say what the directory says. */
static int read_local(const struct archive *a, struct px_zip_entry *entry, struct px_error *err)
{
    size_t length = strlen(entry->name);

    if (entry->header > a->offset || a->offset - entry->header < PX_ZIP_LOCAL + length ||
        px_u32(a->data + entry->header) != PX_ZIP_LOCAL_MARK)
        return px_fail(err, PX_E_FORMAT, "zip entry '%.100s' does not begin at byte %zu",
                       entry->name, entry->header);
    const uint8_t *p = a->data + entry->header;
    size_t extra = px_u16(p + 28);
    size_t room = a->offset - entry->header - PX_ZIP_LOCAL - length;
    bool described = px_u16(p + 6) & FLAG_DESCRIPTOR;
    struct entry_sizes sizes = {.size = px_u32(p + 22), .stored = px_u32(p + 18)};
    if (px_u16(p + 8) != entry->method || (px_u16(p + 6) & FLAG_ENCRYPTED) ||
        px_u16(p + 26) != length || memcmp(p + PX_ZIP_LOCAL, entry->name, length) != 0)
        return px_fail(err, PX_E_FORMAT, "zip entry '%.100s': local header and directory disagree",
                       entry->name);
    if (extra > room || entry->size > room - extra)
        return px_fail(err, PX_E_FORMAT, "zip entry '%.100s' of %zu bytes does not fit its file",
                       entry->name, entry->size);
    bool known = read_extra(&sizes, p + PX_ZIP_LOCAL + length, extra);
    bool open = described && sizes.size == 0 && sizes.stored == 0; /* the descriptor has them */
    if (!known || (!open && (sizes.size != entry->full || sizes.stored != entry->size)))
        return px_fail(err, PX_E_FORMAT,
                       "zip entry '%.100s': local header and directory disagree in its size",
                       entry->name);
    entry->data = p + PX_ZIP_LOCAL + length + extra;
    entry->end = (size_t)(entry->data - a->data) + entry->size;
    return described ? read_descriptor(a, entry, err) : 0;
}

/* Names are shown to people and compared. Nothing is ever unpacked, but an archive with names that
 * would lead elsewhere is up to no good. */
static bool is_honest(const char *name)
{
    if (!px_utf8_is_printable(name) || strchr(name, '\\') || !*name || *name == '/')
        return false;
    for (const char *p = name; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == 0))
            return false;
    }
    return true;
}

/* Reads one record of the directory; *left counts down its bytes. */
static int read_central(const struct archive *a, struct px_zip_entry *entry, char *name,
                        size_t *left, struct px_error *err)
{
    const uint8_t *p = a->data + a->offset + a->central - *left;

    if (*left < PX_ZIP_CENTRAL || px_u32(p) != PX_ZIP_CENTRAL_MARK ||
        *left - PX_ZIP_CENTRAL < (size_t)px_u16(p + 28) + px_u16(p + 30) + px_u16(p + 32))
        return px_fail(err, PX_E_FORMAT, "the zip archive's central directory is damaged");
    size_t length = px_u16(p + 28);
    struct entry_sizes sizes = {px_u32(p + 24), px_u32(p + 20), px_u32(p + 42)};
    memcpy(name, p + PX_ZIP_CENTRAL, length);
    name[length] = 0;
    entry->name = name;
    if (strlen(name) != length || !is_honest(name))
        return px_fail(err, PX_E_FORMAT, "the zip archive has an entry with the bad name '%.100s'",
                       name);
    if (px_u16(p + 8) & FLAG_ENCRYPTED)
        return px_fail(err, PX_E_FORMAT, "zip entry '%.100s' is encrypted", name);
    entry->method = px_u16(p + 10);
    if (!read_extra(&sizes, p + PX_ZIP_CENTRAL + length, px_u16(p + 30)) ||
        (entry->method == 0 && sizes.size != sizes.stored))
        return px_fail(err, PX_E_FORMAT, "zip entry '%.100s' contradicts itself in its size", name);
    entry->size = sizes.stored;
    entry->full = sizes.size;
    entry->header = sizes.offset;
    entry->crc = px_u32(p + 16);
    *left -= PX_ZIP_CENTRAL + length + px_u16(p + 30) + px_u16(p + 32);
    return read_local(a, entry, err);
}

static int by_place(const void *a, const void *b)
{
    const struct px_zip_entry *x = a;
    const struct px_zip_entry *y = b;

    return x->header < y->header ? -1 : x->header > y->header;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct px_zip_entry *)a)->name, ((const struct px_zip_entry *)b)->name);
}

static int check_entries(struct px_zip *zip, struct px_error *err)
{
    struct px_zip_entry *entry = zip->entries;

    if (zip->count == 0)
        return px_fail(err, PX_E_FORMAT, "the zip archive is empty");
    qsort(entry, zip->count, sizeof *entry, by_place);
    zip->first = entry->name;
    for (size_t i = 1; i < zip->count; i++)
        if (entry[i].header < entry[i - 1].end)
            return px_fail(err, PX_E_FORMAT, "zip entries '%.100s' and '%.100s' overlap",
                           entry[i - 1].name, entry[i].name);
    qsort(entry, zip->count, sizeof *entry, by_name);
    for (size_t i = 1; i < zip->count; i++)
        if (strcmp(entry[i].name, entry[i - 1].name) == 0)
            return px_fail(err, PX_E_FORMAT, "the zip archive has two entries '%.100s'",
                           entry[i].name);
    return 0;
}

static int read_entries(struct px_zip *zip, const struct archive *a, struct px_error *err)
{
    size_t left = a->central;

    /* The directory holds each name and 46 bytes more, so it bounds both blocks. */
    zip->entries = calloc(a->count + 1, sizeof *zip->entries);
    zip->names = malloc(a->central + 1);
    if (!zip->entries || !zip->names)
        return px_fail(err, PX_E_NOMEM, "no memory for a directory of %zu entries", a->count);
    for (char *name = zip->names; zip->count < a->count; name += strlen(name) + 1) {
        int rc = read_central(a, &zip->entries[zip->count++], name, &left, err);
        if (rc)
            return rc;
    }
    if (left)
        return px_fail(err, PX_E_FORMAT, "%zu bytes follow the last entry of the directory", left);
    return check_entries(zip, err);
}

int px_zip_read(struct px_zip *zip, const uint8_t *data, size_t size, struct px_error *err)
{
    struct archive archive = {.data = data, .size = size};
    int rc = read_end(&archive, err);

    *zip = (struct px_zip){0};
    if (!rc)
        rc = read_entries(zip, &archive, err);
    if (rc)
        px_zip_clear(zip);
    return rc;
}

void px_zip_clear(struct px_zip *zip)
{
    free(zip->entries);
    free(zip->names);
    *zip = (struct px_zip){0};
}

static int name_of_entry(const void *name, const void *entry)
{
    return strcmp(name, ((const struct px_zip_entry *)entry)->name);
}

const struct px_zip_entry *px_zip_find(const struct px_zip *zip, const char *name)
{
    return bsearch(name, zip->entries, zip->count, sizeof *zip->entries, name_of_entry);
}

static int wrong_checksum(const struct px_zip_entry *entry, struct px_error *err)
{
    return px_fail(err, PX_E_FORMAT, "zip entry '%.100s' is damaged: its checksum is wrong",
                   entry->name);
}

int px_zip_check(const struct px_zip_entry *entry, struct px_error *err)
{
    if (entry->method != PX_ZIP_STORED)
        return px_fail(err, PX_E_FORMAT,
                       "zip entry '%.100s' is compressed with method %d; unpack the archive and "
                       "pack it again without compression (zip -0 -r)",
                       entry->name, entry->method);
    if (entry->crc == 0 || crc32_z(0, entry->data, entry->size) == entry->crc)
        return 0;
    return wrong_checksum(entry, err);
}

/* zlib counts in 32 bits: hands over both sides piece by piece. */
static int inflate_all(z_stream *stream, const struct px_zip_entry *entry, uint8_t *out)
{
    enum { PIECE = 1 << 30 };
    size_t in_left = entry->size;
    size_t out_left = entry->full;
    int status = Z_OK;

    stream->next_in = (Bytef *)(uintptr_t)entry->data;
    stream->next_out = out;
    while (status == Z_OK) {
        uInt in = (uInt)(in_left < PIECE ? in_left : PIECE);
        uInt room = (uInt)(out_left < PIECE ? out_left : PIECE);
        stream->avail_in = in;
        stream->avail_out = room;
        status = inflate(stream, Z_NO_FLUSH); /* Z_BUF_ERROR once it cannot go on */
        in_left -= in - stream->avail_in;
        out_left -= room - stream->avail_out;
    }
    return status == Z_STREAM_END && in_left == 0 && out_left == 0 ? Z_OK : status;
}

int px_zip_inflate(const struct px_zip_entry *entry, uint8_t *out, struct px_error *err)
{
    enum { RAW = -15 };
    z_stream stream = {0};

    assert(entry->method == PX_ZIP_DEFLATED);
    if (inflateInit2(&stream, RAW) != Z_OK)
        return px_fail(err, PX_E_NOMEM, "no memory to inflate zip entry '%.100s'", entry->name);
    int status = inflate_all(&stream, entry, out);
    inflateEnd(&stream);
    if (status == Z_MEM_ERROR)
        return px_fail(err, PX_E_NOMEM, "no memory to inflate zip entry '%.100s'", entry->name);
    if (status != Z_OK)
        return px_fail(err, PX_E_FORMAT,
                       "zip entry '%.100s' is damaged: it does not inflate to %zu bytes",
                       entry->name, entry->full);
    if (entry->crc == 0 || crc32_z(0, out, entry->full) == entry->crc)
        return 0;
    return wrong_checksum(entry, err);
}
