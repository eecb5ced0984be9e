#ifndef SERVER_SANDBOX_SANDBOX_H
#define SERVER_SANDBOX_SANDBOX_H

/* What the daemon gives up before it reads anything from outside, so that a bug in what decodes
 * pictures or models is worth little to an attacker:
 *
 *   no_new_privs  no program that is executed can gain rights
 *   landlock      of the file system only the models and a few files about this process and its
 *                 control group can be read, nothing can be written; no TCP connections
 *   seccomp       only the system calls that serving needs: no programs, no processes, no files
 *                 opened for writing, no new sockets
 *
 * and core dumps, which would hold other people's pictures. What the kernel lacks is left out, and
 * the log says so. Builds with sanitizers or coverage have no_new_privs only, because those need
 * what the others refuse. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum px_sandbox_part {
    PX_SANDBOX_NO_NEW_PRIVS,
    PX_SANDBOX_LANDLOCK,
    PX_SANDBOX_SECCOMP,
    PX_SANDBOX_PART_COUNT,
};

enum { PX_SANDBOX_HELD = 8 };

/* Plain data. */
struct px_sandbox {
    bool on[PX_SANDBOX_PART_COUNT];
    int held[PX_SANDBOX_HELD]; /* descriptors that keep the kernel from forgetting what is allowed
                                */
    size_t held_count;
};

const char *px_sandbox_part_name(enum px_sandbox_part part); /* "landlock" */

/* Whether this build and kernel can restrict which files are read. */
bool px_sandbox_can_restrict_files(void);

/* What is still done while the daemon serves. */
struct px_sandbox_options {
    const char *models;      /* the folder, which is read again */
    const char *file;        /* one that is read again, too; NULL: none */
    const char *const *gone; /* files that are removed at the end */
    size_t gone_count;
};

/* For good, for this thread and all that it starts later: call it while there are no others, with
 * all sockets open that are needed. What can be read is
 *
 *   - the folder of models, and the folders that links among the models lead to. If the folder is a
 *     link itself, also the folder around what it leads to, so that it may be changed to another
 *     one there;
 *   - `file`, with the folder that it is in, so that it may be replaced, unless that is a home or
 *     as wide as /etc.
 *
 * In the folders of `gone`, files can be removed. Logs one line about what is on, and one about
 * each part that is not. */
void px_sandbox_enter(struct px_sandbox *sandbox, const struct px_sandbox_options *options);

/* Closes what is held. The restrictions stay. Accepts a zeroed one. */
void px_sandbox_clear(struct px_sandbox *sandbox);

/* Adds to a message about a file or folder that could not be read, if this is because of the
 * sandbox or the daemon's user: the reason and the remedy. */
void px_sandbox_explain(const struct px_sandbox *sandbox, const char *path, struct px_error *err);

#endif
