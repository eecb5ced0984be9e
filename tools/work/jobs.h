#ifndef TOOLS_WORK_JOBS_H
#define TOOLS_WORK_JOBS_H

/* Which picture goes where: the inputs and the one --output of a command line, worked out and
 * checked before anything is computed. Plain data; one thread at a time. */

#include <stddef.h>

#include "base/error.h"
#include "base/path.h"
#include "codecs/codec.h"

/* Limits for pictures that are files of the user's own; the daemon's are far stricter. */
#define PX_TOOL_MAX_PIXELS 500000000
#define PX_TOOL_MAX_SIDE 65535

struct px_file_job {
    char *input, *output;  /* owned */
    enum px_format format; /* of the output; never NONE */
};

struct px_file_jobs {
    struct px_file_job *list;
    size_t count, capacity;
    char folder[PX_PATH_MAX]; /* where the outputs go: for px_tool_make_folder() */
};

/* inputs: pictures, or folders whose pictures are taken. One picture goes to the file `output`
 * unless that is a folder (or ends in '/'); several, and those of a folder, go into the folder
 * `output`, under their own names with the suffix of the format. `format` NONE: by the suffix of
 * the output file; PNG in a folder.
 *
 * USAGE if one file would have to hold several pictures, two inputs would have the same output, an
 * input would be overwritten, or a file's suffix and format disagree; NOT_FOUND or IO if the only
 * input is missing or an input folder cannot be listed; NOMEM. On failure too, px_file_jobs_clear()
 * must follow. */
int px_file_jobs_plan(struct px_file_jobs *jobs, const char *const *inputs, size_t count,
                      const char *output, enum px_format format, struct px_error *err);

/* Frees what the jobs own; accepts zeroed ones. */
void px_file_jobs_clear(struct px_file_jobs *jobs);

#endif
