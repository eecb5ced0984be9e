#ifndef MODEL_FORMATS_PARTS_ZIP_H
#define MODEL_FORMATS_PARTS_ZIP_H

/* Zip archives as torch.save() writes them: entries stored, not compressed, so that their bytes are
 * used where they lie in a mapped file. Archives that were packed again are read too: entries may
 * be deflated, and the caller inflates those it needs. Stricter than unzip, so that no two readers
 * can see different archives in one file: the file ends with its end record, the central directory
 * lies directly before it, local headers and data descriptors agree with it, names are unique and
 * entries do not overlap. Zip64 is read. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { PX_ZIP_STORED = 0, PX_ZIP_DEFLATED = 8 };

struct px_zip_entry {
    const char *name; /* printable UTF-8, relative, without ".." */
    const uint8_t *data;
    size_t size;   /* bytes in the file */
    size_t full;   /* bytes without compression, as the archive claims: `size` if stored */
    int method;    /* PX_ZIP_STORED, PX_ZIP_DEFLATED or one that cannot be read */
    uint32_t crc;  /* of the bytes without compression; also 0 if the writer computed none */
    size_t header; /* internal: place of the local header */
    size_t end;    /* internal: place of the first byte behind the entry */
};

struct px_zip {
    struct px_zip_entry *entries; /* in the order of their names */
    size_t count;
    const char *first; /* the name of the entry that comes first in the file */
    char *names;       /* internal */
};

/* Reads the directory; `data` must outlive the result. FORMAT or NOMEM; then nothing is left to
 * clear. */
int px_zip_read(struct px_zip *zip, const uint8_t *data, size_t size, struct px_error *err);
void px_zip_clear(struct px_zip *zip);

/* NULL if there is no entry of that name. */
const struct px_zip_entry *px_zip_find(const struct px_zip *zip, const char *name);

/* Call before using the bytes of a stored entry: FORMAT if they are damaged (and the entry has a
 * checksum) or not stored. */
int px_zip_check(const struct px_zip_entry *entry, struct px_error *err);

/* Inflates a deflated entry into `out`, which holds entry->full bytes. FORMAT if it is damaged or
 * is not of exactly that size; NOMEM. */
int px_zip_inflate(const struct px_zip_entry *entry, uint8_t *out, struct px_error *err);

#endif
