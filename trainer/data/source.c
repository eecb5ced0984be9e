#include "trainer/data/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"

const char *const px_source_suffixes[] = {".png", ".jpg", ".jpeg", NULL};

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Writes FOLDER/NAME. */
static int join(char out[4096], const char *folder, const char *name, struct px_error *err)
{
    int n = snprintf(out, 4096, "%s/%s", folder, name);

    return n > 0 && n < 4096
               ? 0
               : px_fail(err, PX_E_USAGE, "--data %.200s...: the path is too long", folder);
}

/* FOLDER/A/NAME and FOLDER/B/NAME. */
static int join_both(struct px_source *source, const char *folder, const char *name,
                     struct px_error *err)
{
    char a[4200], b[4200];

    snprintf(a, sizeof a, "A%s%s", *name ? "/" : "", name);
    snprintf(b, sizeof b, "B%s%s", *name ? "/" : "", name);
    int rc = join(source->a, folder, a, err);
    return rc ? rc : join(source->b, folder, b, err);
}

static int refuse_pictures(const char *folder, struct px_error *err)
{
    char **names;
    size_t count;
    int rc = px_list_folder(folder, px_source_suffixes, &names, &count, err);

    if (rc)
        return rc;
    if (count > 0)
        rc = px_fail(err, PX_E_USAGE,
                     "%s: holds pictures beside the folders A and B: it must be one or the other",
                     folder);
    free(names);
    return rc;
}

int px_source_at(struct px_source *source, const char *folder, struct px_error *err)
{
    int rc = join_both(source, folder, "", err);

    if (rc)
        return rc;
    bool a = is_folder(source->a), b = is_folder(source->b);
    source->is_root = false;
    if (a && b)
        return refuse_pictures(folder, err);
    if (a || b)
        return px_fail(err, PX_E_USAGE,
                       "%s: not there, but its partner is: each picture in one folder needs one "
                       "in the other",
                       a ? source->b : source->a);
    source->b[0] = 0;
    snprintf(source->a, sizeof source->a, "%s", folder);
    return 0;
}

/* The pairs of one use, "train" or "val"; nowhere where there is no such folder. */
static int find(struct px_source *source, const char *data, const char *use, struct px_error *err)
{
    char folder[4096];
    int rc = join(folder, data, use, err);

    if (rc)
        return rc;
    if (is_folder(folder))
        return px_source_at(source, folder, err);
    rc = join_both(source, data, use, err);
    if (rc)
        return rc;
    bool a = is_folder(source->a), b = is_folder(source->b);
    if (a != b)
        return px_fail(err, PX_E_USAGE,
                       "%s: not there, but its partner is: give A and B the same folders",
                       a ? source->b : source->a);
    if (!a)
        *source = (struct px_source){0};
    source->is_root = false;
    return 0;
}

int px_source_find(const char *data, struct px_source *train, struct px_source *val,
                   struct px_error *err)
{
    int rc = find(train, data, "train", err);

    if (!rc && !train->a[0]) {
        rc = px_source_at(train, data, err);
        train->is_root = true;
    }
    return rc ? rc : find(val, data, "val", err);
}
