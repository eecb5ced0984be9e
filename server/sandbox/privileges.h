#ifndef SERVER_SANDBOX_PRIVILEGES_H
#define SERVER_SANDBOX_PRIVILEGES_H

/* A daemon that root started becomes another user, for good, with that user's groups and without
 * capabilities. */

#include <stdbool.h>

#include "base/error.h"

struct px_privileges_options {
    const char *user;   /* name or uid; "root" stays root, with a warning; NULL: nobody */
    const char *models; /* the folder */
    const char *file;   /* one more that must be read; NULL: none */
    bool restricted;    /* the process is going to be kept from reading any others */
};

/* Call it while there are no other threads, with all sockets bound. Does nothing in processes that
 * root did not start, unless they ask for another user than theirs (USAGE). Logs what became of it.
 *
 * Without --user, the daemon becomes nobody. If nobody cannot read these files, as in root's home,
 * it keeps the one capability to read any file (CAP_DAC_READ_SEARCH), but only if `restricted`. If
 * the system does not let it change its user (containers without CAP_SETUID, user namespaces with
 * one user), it goes on as it is, with a warning. With --user either is an error: NOT_FOUND for an
 * unknown name, IO. Builds with sanitizers or coverage, which write files at the end, stay root
 * without --user. */
int px_privileges_drop(const struct px_privileges_options *options, struct px_error *err);

#endif
