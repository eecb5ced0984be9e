#ifndef MODEL_FORMATS_PARTS_ZIP_WRITE_H
#define MODEL_FORMATS_PARTS_ZIP_WRITE_H

/* Writes a zip archive as PyTorch does: entries stored, each beginning at a multiple of 64 bytes,
 * with checksums and without times; equal entries give equal bytes. The file appears under its name
 * when it is complete (base/file.h). At most 4 GiB.
 *
 * After px_zip_open() succeeded, exactly one of commit and abandon must be called; commit
 * abandons by itself when it fails. */

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"

struct px_zip_writer {
    struct px_file_writer file;
    uint64_t at; /* bytes written */
    size_t count;
    struct px_buffer directory; /* grows with every entry */
};

/* IO; the message begins with the path, as in all of these. */
int px_zip_open(struct px_zip_writer *writer, const char *path, struct px_error *err);
/* IO, NOMEM; INVALID if the archive would become too large. `name` is shorter than 64 KiB. */
int px_zip_add(struct px_zip_writer *writer, const char *name, const void *data, size_t size,
               struct px_error *err);
int px_zip_commit(struct px_zip_writer *writer, struct px_error *err);
void px_zip_abandon(struct px_zip_writer *writer);

#endif
