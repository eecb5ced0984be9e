#ifndef BASE_FILE_H
#define BASE_FILE_H

/* Whole files, read with a limit and written so that no reader ever sees half of one. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/path.h"

/* Opens a regular file for reading and fills *st; the caller closes *fd. Pipes, devices, sockets
 * and folders are refused at once (IO), without waiting for the other end of a pipe. NOT_FOUND if
 * there is no such file; the message names it. */
int px_file_open_regular(const char *path, int *fd, struct stat *st, struct px_error *err);

/* Reads a regular file of at most `limit` bytes. *data is malloc'ed (the caller frees it) and has a
 * NUL behind its *size bytes. Failures: NOT_FOUND, TOO_LARGE, IO, NOMEM; the message names the
 * file. */
int px_file_read(const char *path, size_t limit, uint8_t **data, size_t *size,
                 struct px_error *err);

/* Writes all bytes to an open file; false if that fails, with errno set. */
bool px_write_all(int fd, const void *data, size_t size);

/* A file that appears under its name only when complete: bytes go to a new file `PATH.tmp-NUMBER`
 * beside it (the number is the PID, or another if that name is taken; an existing file or link of
 * such a name is never touched); commit syncs and renames it into place (and syncs the folder),
 * abandon removes it. Call exactly one of commit and abandon after open succeeded; commit abandons
 * by itself when it fails. After a failed write only abandon may be called. A full disk is an IO
 * error that names the file. If PATH is a link it is followed and stays one; a device or pipe
 * (/dev/stdout) is written directly, never replaced. */
struct px_file_writer {
    int fd;
    char path[PX_PATH_MAX];
    char temporary[PX_PATH_MAX]; /* "" if the file is written directly */
};

int px_file_open(struct px_file_writer *writer, const char *path, struct px_error *err);
int px_file_write(struct px_file_writer *writer, const void *data, size_t size,
                  struct px_error *err);
int px_file_commit(struct px_file_writer *writer, struct px_error *err);
void px_file_abandon(struct px_file_writer *writer);

/* The three above in one call. */
int px_file_save(const char *path, const void *data, size_t size, struct px_error *err);

/* Flushes standard output; IO if that fails (full disk, closed descriptor). For the end of programs
 * whose output is their result. */
int px_flush_output(struct px_error *err);

/* Makes a folder and the missing ones around it (mkdir -p). For one level: px_path_make_folder().
 */
int px_make_folder(const char *path, struct px_error *err);

/* The sorted (strcmp) names in a folder that end in one of the NULL-terminated `suffixes` (compared
 * without case) and do not begin with '.'. *names is one malloc'ed block: pointers, then strings.
 */
int px_list_folder(const char *path, const char *const *suffixes, char ***names, size_t *count,
                   struct px_error *err);

#endif
