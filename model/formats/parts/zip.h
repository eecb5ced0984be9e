#ifndef MODEL_FORMATS_PARTS_ZIP_H
#define MODEL_FORMATS_PARTS_ZIP_H

/* Zip archives as torch.save() writes them: entries stored, not compressed, so that their bytes are
 * used where they lie in a mapped file (compressed ones are listed, but cannot be used). Stricter
 * than unzip, so that no two readers can see two different archives in one file: it ends with its
 * end record, the central directory lies directly before that, local headers and data descriptors
 * agree with it, names are unique and entries do not overlap. Zip64 is read. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct px_zip_entry {
    const char *name; /* printable ASCII, relative, without ".." */
    const uint8_t *data;
    size_t size;
    size_t full;   /* size without compression: `size` where it is stored */
    int method;    /* 0: stored */
    uint32_t crc;  /* 0 also where the writer computed none */
    size_t header; /* internal: place of the local header, */
    size_t end;    /* and of the first byte behind the entry */
};

struct px_zip {
    struct px_zip_entry *entries; /* in the order of their names */
    size_t count;
    const char *first; /* the name of the entry that comes first in the file */
    char *names;       /* internal */
};

/* Reads the directory; `data` must outlive the result. FORMAT or NOMEM; then nothing is left to
 * release. */
int px_zip_read(struct px_zip *zip, const uint8_t *data, size_t size, struct px_error *err);
void px_zip_release(struct px_zip *zip);

/* NULL where there is none of that name. */
const struct px_zip_entry *px_zip_find(const struct px_zip *zip, const char *name);

/* To be called before an entry's bytes are used: FORMAT where they are compressed or, where the
 * entry has a checksum, damaged. */
int px_zip_check(const struct px_zip_entry *entry, struct px_error *err);

#endif
