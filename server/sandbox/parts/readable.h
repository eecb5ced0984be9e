#ifndef SERVER_SANDBOX_PARTS_READABLE_H
#define SERVER_SANDBOX_PARTS_READABLE_H

/* What the daemon reads while it serves. */

#include <stdbool.h>

typedef void px_readable_visitor(void *context, const char *path);

/* Calls the visitor with the folder of models and, if links lead out of it, with the folders that
 * they lead to (but never "/"). If `models` is a link itself, the folder around what it leads to is
 * among them. */
void px_readable_models(const char *models, px_readable_visitor *visit, void *context);

/* The same with a file, and with the folder that it is in unless that is "/", one in "/", or the
 * user's home. */
void px_readable_file(const char *file, px_readable_visitor *visit, void *context);

/* The same with what /metrics shows of the process and its control group, and what the C library
 * looks up. */
void px_readable_system(px_readable_visitor *visit, void *context);

/* Whether this process, as the user it is now, can read the folder and every model in it, and the
 * file (NULL: none). What is not there counts as readable. */
bool px_readable_is_all(const char *models, const char *file);

#endif
