#ifndef BASE_FILE_H
#define BASE_FILE_H

/* Whole files, read with a limit and written so that no one ever sees half of one. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Reads a regular file of at most `limit` bytes. *data is malloc'ed (the caller frees it).
 * Failures: NOT_FOUND, TOO_LARGE, IO, NOMEM; the message names the file. */
int px_file_read(const char *path, size_t limit, uint8_t **data, size_t *size,
                 struct px_error *err);

/* A file that appears under its name only when complete: bytes go to `PATH.tmp-PID` beside it;
 * commit syncs and renames it into place (and syncs the folder), abandon removes it. Exactly one of
 * commit and abandon must be called after open succeeded; commit abandons by itself when it fails.
 * After a failed write only abandon is left to call. A full disk is an IO error that names the
 * file. A link is followed, so that it stays a link; a device or pipe (/dev/stdout) is written
 * directly, never replaced. */
struct px_file_writer {
    int fd;
    char path[4096];
    char temporary[4096]; /* "" where the file is written directly */
};

int px_file_open(struct px_file_writer *writer, const char *path, struct px_error *err);
int px_file_write(struct px_file_writer *writer, const void *data, size_t size,
                  struct px_error *err);
int px_file_commit(struct px_file_writer *writer, struct px_error *err);
void px_file_abandon(struct px_file_writer *writer);

/* The three above in one call. */
int px_file_save(const char *path, const void *data, size_t size, struct px_error *err);

/* What was printed has arrived; IO where it has not (a full disk, a closed descriptor). For the end
 * of programs whose output is their result. */
int px_flush_output(struct px_error *err);

/* mkdir -p. */
int px_make_folder(const char *path, struct px_error *err);

/* The sorted (strcmp) names in a folder that end in one of the NULL-terminated `suffixes` (compared
 * without case), not starting with '.'. *names is one malloc'ed block: pointers, then strings. */
int px_list_folder(const char *path, const char *const *suffixes, char ***names, size_t *count,
                   struct px_error *err);

#endif
