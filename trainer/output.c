#include "trainer/output.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static int name_files(struct px_output *output, const char *out, struct px_error *err)
{
    const struct {
        char *to;
        const char *suffix;
    } beside[] = {
        {output->state, "state"},           {output->best_folder, "best"},
        {output->pictures, "pictures"},     {output->report, "report.html"},
        {output->loss_log, "loss_log.txt"}, {output->metrics, "metrics.jsonl"},
    };
    const char *slash = strrchr(out, '/');
    const char *name = slash ? slash + 1 : out;
    int stem = (int)(strlen(out) - strlen(".safetensors"));

    if (2 * strlen(out) + 64 > sizeof output->checkpoint) /* 64: for the longest of the suffixes */
        return px_fail(err, PX_E_USAGE, "--out %.200s...: the path is too long", out);
    snprintf(output->checkpoint, sizeof output->checkpoint, "%s", out);
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        snprintf(beside[i].to, sizeof output->state, "%.*s.%s", stem, out, beside[i].suffix);
    snprintf(output->best, sizeof output->best, "%.*s.best/%s", stem, out, name);
    return 0;
}

static int make_parent(const char *path, struct px_error *err)
{
    char folder[4096];

    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder)
        return 0;
    *slash = 0;
    return px_make_folder(folder, err);
}

static int check_new(const char *path, struct px_error *err)
{
    if (access(path, F_OK) != 0)
        return 0;
    return px_fail(err, PX_E_IO,
                   "%s is there from an earlier training: add --continue-train to go on with it, "
                   "remove it, or choose another --out",
                   path);
}

int px_output_prepare(struct px_output *output, const char *out, bool resume, struct px_error *err)
{
    struct px_file_writer probe;
    int rc = name_files(output, out, err);

    if (rc)
        return rc;
    if (resume && access(output->state, F_OK) != 0)
        return px_fail(err, PX_E_NOT_FOUND,
                       "%s: not there, so there is nothing to continue: leave --continue-train out "
                       "to start",
                       output->state);
    if (!resume && ((rc = check_new(output->state, err)) != 0 ||
                    (rc = check_new(output->checkpoint, err)) != 0 ||
                    (rc = check_new(output->best, err)) != 0))
        return rc;
    rc = make_parent(output->checkpoint, err);
    if (!rc)
        rc = px_file_open(&probe, output->state, err);
    if (!rc)
        px_file_abandon(&probe);
    return rc;
}

int px_output_picture(const struct px_output *output, int64_t epoch, char path[4096],
                      struct px_error *err)
{
    int n = snprintf(path, 4096, "%s/epoch_%03lld.png", output->pictures, (long long)epoch);

    return n > 0 && n < 4096 ? 0 : px_fail(err, PX_E_IO, "%.200s: too long", output->pictures);
}
