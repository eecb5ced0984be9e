#include "tools/work/jobs.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"

static const char *const suffixes[] = {".png", ".jpg", ".jpeg", NULL};

/* The format that a path's suffix stands for, or NONE. */
static enum px_format format_of(const char *path)
{
    const char *extension = px_path_extension(path);

    for (size_t i = 0; suffixes[i]; i++)
        if (strcasecmp(extension, suffixes[i]) == 0)
            return i == 0 ? PX_FORMAT_PNG : PX_FORMAT_JPEG;
    return PX_FORMAT_NONE;
}

/* Copies the name of an input. */
static int add_input(struct px_file_jobs *jobs, const char *input, struct px_error *err)
{
    char *copy = strdup(input);
    struct px_file_job *list =
        px_array_grow(jobs->list, &jobs->capacity, jobs->count + 1, sizeof *list);

    if (list)
        jobs->list = list;
    if (!copy || !list) {
        free(copy);
        return px_fail(err, PX_E_NOMEM, "no memory for the list of inputs");
    }
    list[jobs->count++] = (struct px_file_job){.input = copy};
    return 0;
}

static int add_folder(struct px_file_jobs *jobs, const char *folder, struct px_error *err)
{
    char path[PX_PATH_MAX], **names;
    size_t count;
    int rc = px_list_folder(folder, suffixes, &names, &count, err);

    if (rc)
        return rc;
    if (count == 0)
        rc = px_fail(err, PX_E_NOT_FOUND,
                     "%s: holds no .png, .jpg or .jpeg (folders below are not searched)", folder);
    for (size_t i = 0; i < count && !rc; i++)
        if (!(rc = px_path_join(path, folder, names[i], err)))
            rc = add_input(jobs, path, err);
    free(names);
    return rc;
}

static int gather(struct px_file_jobs *jobs, const char *const *inputs, size_t count,
                  bool *any_folder, struct px_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < count && !rc; i++) {
        if (px_path_is_folder(inputs[i])) {
            *any_folder = true;
            rc = add_folder(jobs, inputs[i], err);
        } else if (count == 1 && access(inputs[i], F_OK) != 0)
            rc = px_fail(err, errno == ENOENT ? PX_E_NOT_FOUND : PX_E_IO, "%s: cannot open: %s",
                         inputs[i], strerror(errno));
        else
            rc = add_input(jobs, inputs[i], err);
    }
    return rc;
}

static int name_file(struct px_file_job *job, const char *output, enum px_format format,
                     struct px_error *err)
{
    enum px_format named = format_of(output);

    if (!named && !format)
        return px_fail(err, PX_E_USAGE,
                       "%s: the name shows no format; end it in .png or .jpg, or give --format",
                       output);
    if (named && format && named != format)
        return px_fail(err, PX_E_USAGE, "%s: the name says %s, but --format says %s", output,
                       px_format_name(named), px_format_name(format));
    job->format = format ? format : named;
    job->output = strdup(output);
    return job->output ? 0 : px_fail(err, PX_E_NOMEM, "no memory for a path");
}

/* FOLDER/STEM.png or .jpg; a suffix other than a picture's stays part of the stem. */
static int name_in_folder(struct px_file_job *job, const char *folder, enum px_format format,
                          struct px_error *err)
{
    const char *name = px_path_name(job->input);
    size_t stem = format_of(name) ? px_path_stem_length(name) : strlen(name);
    char file[PX_PATH_MAX], path[PX_PATH_MAX];

    job->format = format ? format : PX_FORMAT_PNG;
    int rc = px_path_format(file, err, "%.*s%s", (int)stem, name,
                            job->format == PX_FORMAT_PNG ? ".png" : ".jpg");
    if (!rc)
        rc = px_path_join(path, folder, file, err);
    if (rc)
        return rc;
    job->output = strdup(path);
    return job->output ? 0 : px_fail(err, PX_E_NOMEM, "no memory for a path");
}

static int by_output(const void *a, const void *b)
{
    return strcmp(((const struct px_file_job *)a)->output, ((const struct px_file_job *)b)->output);
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

static int check_outputs(const struct px_file_jobs *jobs, struct px_error *err)
{
    assert(jobs->count > 0); /* the options ask for an argument, folders for a picture */
    struct px_file_job *sorted = malloc(jobs->count * sizeof *sorted);
    int rc = 0;

    if (!sorted)
        return px_fail(err, PX_E_NOMEM, "no memory for the list of outputs");
    memcpy(sorted, jobs->list, jobs->count * sizeof *sorted);
    qsort(sorted, jobs->count, sizeof *sorted, by_output);
    for (size_t i = 0; i < jobs->count && !rc; i++) {
        if (i && by_output(&sorted[i - 1], &sorted[i]) == 0)
            rc = px_fail(err, PX_E_USAGE,
                         "%.140s and %.140s would both become %.140s; rename one of them or leave "
                         "it out",
                         sorted[i - 1].input, sorted[i].input, sorted[i].output);
        else if (same_file(sorted[i].input, sorted[i].output))
            rc = px_fail(err, PX_E_USAGE, "%s: would overwrite its input; choose another output",
                         sorted[i].output);
    }
    free(sorted);
    return rc;
}

int px_file_jobs_plan(struct px_file_jobs *jobs, const char *const *inputs, size_t count,
                      const char *output, enum px_format format, struct px_error *err)
{
    size_t length = strlen(output);
    bool folder = px_path_is_folder(output) || (length && output[length - 1] == '/');
    int rc = gather(jobs, inputs, count, &folder, err);

    if (rc)
        return rc;
    folder = folder || jobs->count > 1;
    if (folder && !px_path_is_folder(output) && format_of(output))
        return px_fail(err, PX_E_USAGE,
                       "%s: is one file, but there are %zu pictures; give a folder", output,
                       jobs->count);
    rc = folder ? px_path_format(jobs->folder, err, "%s", output)
                : px_path_folder(jobs->folder, output, err);
    if (!rc && !folder)
        rc = name_file(&jobs->list[0], output, format, err);
    for (size_t i = 0; i < jobs->count && folder && !rc; i++)
        rc = name_in_folder(&jobs->list[i], output, format, err);
    return rc ? rc : check_outputs(jobs, err);
}

void px_file_jobs_clear(struct px_file_jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        free(jobs->list[i].input);
        free(jobs->list[i].output);
    }
    free(jobs->list);
    *jobs = (struct px_file_jobs){0};
}
