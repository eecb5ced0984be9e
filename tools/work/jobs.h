#ifndef TOOLS_WORK_JOBS_H
#define TOOLS_WORK_JOBS_H

/* Which picture goes where: the inputs and the one --output of a command line, worked out and
 * checked before anything is computed. */

#include <stddef.h>

#include "base/error.h"
#include "codecs/codec.h"

struct px_file_job {
    char *input, *output;
    enum px_format format; /* of the output; never NONE */
};

struct px_file_jobs {
    struct px_file_job *list;
    size_t count, room;
    const char *folder; /* for px_make_folder() before the first output is written; NULL: none */
};

/* inputs: pictures, or folders whose pictures are taken. One picture goes to the file `output`
 * unless that is a folder (or ends in '/'); several, and those of a folder, go into the folder
 * `output`, under their own names with the suffix of the format. `format`
 * NONE: by the suffix of the output file; PNG in a folder.
 *
 * USAGE where a file would have to hold several pictures, two inputs would have the same output, an
 * input would be overwritten or a file's suffix and format disagree. On failure too,
 * px_file_jobs_destroy() must follow. */
int px_file_jobs_plan(struct px_file_jobs *jobs, const char *const *inputs, size_t count,
                      const char *output, enum px_format format, struct px_error *err);
void px_file_jobs_destroy(struct px_file_jobs *jobs);

#endif
