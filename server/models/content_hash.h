#ifndef SERVER_MODELS_CONTENT_HASH_H
#define SERVER_MODELS_CONTENT_HASH_H

/* What is in a file, and which file it was. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/sha256.h"

/* Any change of the file's content changes this. */
struct px_file_stamp {
    uint64_t device, inode, size;
    int64_t modified_ns, changed_ns;
};

struct px_file_stamp px_file_stamp_of(const struct stat *status);
bool px_file_stamp_equals(const struct px_file_stamp *a, const struct px_file_stamp *b);

/* SHA-256 of a regular file, as sha256sum prints it. IO if it cannot be read, or is not the file of
 * that stamp any more. 200 MB take 0.2 s on CPUs with SHA instructions, else 1 to 2 s. */
int px_content_hash(const char *path, const struct px_file_stamp *stamp,
                    char hex[static PX_SHA256_HEX_SIZE], struct px_error *err);

#endif
