#include "pairs/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

const char *const px_source_suffixes[] = {".png", ".jpg", ".jpeg", NULL};

/* Two folders that lie beside each other. "%s" is the use, "train" or "val". */
struct pair_of_folders {
    const char *a, *b;
    bool alone; /* one of them without the other may be something else */
};

static const struct pair_of_folders within[] = {{"A", "B", false}, {"a", "b", true}};
static const struct pair_of_folders of_use[] = {
    {"%sA", "%sB", false},  {"%s_A", "%s_B", false},      {"%sa", "%sb", true},
    {"%s_a", "%s_b", true}, {"%s_label", "%s_img", true}, {"A/%s", "B/%s", false},
    {"a/%s", "b/%s", true},
};

static int place_folder(char out[PX_PATH_MAX], const char *folder, const char *pattern,
                        const char *use, struct px_error *err)
{
    char name[PX_PATH_MAX];
    size_t before = strcspn(pattern, "%");

    if (!pattern[before])
        return px_path_join(out, folder, pattern, err);
    int rc = px_path_format(name, err, "%.*s%s%s", (int)before, pattern, use, pattern + before + 2);
    return rc ? rc : px_path_join(out, folder, name, err);
}

/* Points the source at the two folders; *found says whether they are there. */
static int take_two(struct px_source *source, const char *folder,
                    const struct pair_of_folders *names, const char *use, bool *found,
                    struct px_error *err)
{
    int rc = place_folder(source->a, folder, names->a, use, err);

    if (!rc)
        rc = place_folder(source->b, folder, names->b, use, err);
    if (rc)
        return rc;
    bool a = px_path_is_folder(source->a), b = px_path_is_folder(source->b);
    *found = a && b;
    if (a == b || names->alone)
        return 0;
    return px_fail(err, PX_E_USAGE,
                   "%s: not there, but its partner is: each picture in one folder needs one of the "
                   "same name in the other",
                   a ? source->b : source->a);
}

static int refuse_pictures(const char *folder, const struct pair_of_folders *names,
                           struct px_error *err)
{
    char **files;
    size_t count;
    int rc = px_list_folder(folder, px_source_suffixes, &files, &count, err);

    if (rc)
        return rc;
    if (count > 0)
        rc = px_fail(err, PX_E_USAGE,
                     "%s: holds pictures beside the folders %s and %s: it must be one or the other",
                     folder, names->a, names->b);
    free(files);
    return rc;
}

/* Every file of the folder holds both. */
static int take_one(struct px_source *source, const char *folder, struct px_error *err)
{
    source->b[0] = 0;
    return px_path_format(source->a, err, "%s", folder);
}

int px_source_at(struct px_source *source, const char *folder, struct px_error *err)
{
    source->is_root = false;
    for (size_t i = 0; i < sizeof within / sizeof *within; i++) {
        bool found;
        int rc = take_two(source, folder, &within[i], "", &found, err);
        if (rc || found)
            return rc ? rc : refuse_pictures(folder, &within[i], err);
    }
    return take_one(source, folder, err);
}

/* The pairs of one use; nowhere if there are no such folders. */
static int find_use(struct px_source *source, const char *data, const char *use, bool halves,
                    struct px_error *err)
{
    char folder[PX_PATH_MAX];
    int rc = px_path_join(folder, data, use, err);

    source->is_root = false;
    if (rc)
        return rc;
    if (px_path_is_folder(folder))
        return halves ? take_one(source, folder, err) : px_source_at(source, folder, err);
    for (size_t i = 0; !halves && i < sizeof of_use / sizeof *of_use; i++) {
        bool found;
        rc = take_two(source, data, &of_use[i], use, &found, err);
        if (rc || found)
            return rc;
    }
    source->a[0] = source->b[0] = 0;
    return 0;
}

int px_source_of(struct px_source *source, const char *data, const char *use, struct px_error *err)
{
    if (*use)
        return find_use(source, data, use, false, err);
    int rc = px_source_at(source, data, err);
    source->is_root = true;
    return rc;
}

int px_source_find(const char *data, bool halves, struct px_source *train, struct px_source *val,
                   struct px_error *err)
{
    int rc = find_use(train, data, "train", halves, err);

    if (!rc && !train->a[0]) {
        rc = halves ? take_one(train, data, err) : px_source_at(train, data, err);
        train->is_root = true;
    }
    return rc ? rc : find_use(val, data, "val", halves, err);
}
