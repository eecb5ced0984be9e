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
    size_t count, capacity;
    const char *folder; /* to make before the first output is written; NULL: none */
};

/* inputs: pictures, or folders whose pictures are taken. One picture goes to the file `output`
 * unless that is a folder (or ends in '/'); several, and those of a folder, go into the folder
 * `output`, under their own names with the suffix of the format. `format` NONE: by the suffix of
 * the output file; PNG in a folder.
 *
 * `jobs` is zero before. USAGE if one file would have to hold several pictures, two inputs have the
 * same output, an input would be overwritten, a path is too long, or a file's suffix and format
 * disagree. px_file_jobs_clear() must follow, after a failure too. */
int px_file_jobs_plan(struct px_file_jobs *jobs, const char *const *inputs, size_t count,
                      const char *output, enum px_format format, struct px_error *err);
void px_file_jobs_clear(struct px_file_jobs *jobs);

#endif
