#ifndef BASE_PATH_H
#define BASE_PATH_H

/* Paths of files. Functions that make a path write into the caller's array of PX_PATH_MAX bytes and
 * fail (USAGE, with the path in the message) if it does not fit; nothing is ever cut silently.
 * `out` must not overlap the other arguments. No function here but px_path_is_folder() and
 * px_path_make_folder() looks at the file system. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { PX_PATH_MAX = 4096 }; /* with the NUL; Linux takes no longer ones */

__attribute__((format(printf, 3, 4))) int
px_path_format(char out[static PX_PATH_MAX], struct px_error *err, const char *format, ...);

/* FOLDER/NAME, with one slash between them; NAME alone if the folder is "". */
int px_path_join(char out[static PX_PATH_MAX], const char *folder, const char *name,
                 struct px_error *err);

/* The part after the last slash: "c.png" of "a/b/c.png", "" of "a/". Points into `path`. */
const char *px_path_name(const char *path);

/* The name's last dot and what follows: ".png" of "a.b/c.x.png"; "" (the end of `path`) if the name
 * has no dot or begins with its only one. Points into `path`. */
const char *px_path_extension(const char *path);

/* Bytes of the name before its extension: 3 for "a/b.c.png", whose stem is "b.c". The stem begins
 * at px_path_name(). */
size_t px_path_stem_length(const char *path);

/* Whether the name ends in `suffix` (".png"), compared without case, with something before it. */
bool px_path_has_suffix(const char *path, const char *suffix);

/* `path` with `suffix` in place of its extension: "a/b.state" of "a/b.png" and ".state". */
int px_path_with_suffix(char out[static PX_PATH_MAX], const char *path, const char *suffix,
                        struct px_error *err);

/* The folder that `path` is in: "a/b" of "a/b/c", "/" of "/c", "." of "c". */
int px_path_folder(char out[static PX_PATH_MAX], const char *path, struct px_error *err);

/* Whether there is a folder of that name (or a link to one). */
bool px_path_is_folder(const char *path);

/* Makes a folder if there is none; *made (may be NULL) says whether. Makes one level only:
 * NOT_FOUND if the folder around it is missing, too. IO for other failures. */
int px_path_make_folder(const char *path, bool *made, struct px_error *err);

#endif
