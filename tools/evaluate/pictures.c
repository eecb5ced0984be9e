#include "tools/evaluate/pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "tools/work/jobs.h"
#include "translate/half.h"

static const char *const suffixes[] = {".png", ".jpg", ".jpeg", NULL};

static int refuse_empty(const char *dir, const char *phase, struct px_error *err)
{
    static const char *const phases[] = {"train", "val", "test"};
    char there[64] = "", path[PX_PATH_MAX];

    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        if (px_path_join(path, dir, phases[i], NULL) == 0 && px_path_is_folder(path))
            snprintf(there + strlen(there), sizeof there - strlen(there), "%s%s",
                     *there ? ", " : "", phases[i]);
    if (*there)
        return px_fail(err, PX_E_NOT_FOUND,
                       "%s has no pictures (.png, .jpg, .jpeg) in '%s'; it has the folders %s", dir,
                       phase, there);
    return px_fail(err, PX_E_NOT_FOUND,
                   "%s has no pictures (.png, .jpg, .jpeg); give --phase '' for a folder without "
                   "train/, val/ and test/",
                   dir);
}

int px_pictures_open(struct px_pictures_list *list, const char *dir, const char *phase,
                     struct px_error *err)
{
    struct px_error missing = {0};
    int rc = *phase ? px_path_join(list->folder, dir, phase, err)
                    : px_path_format(list->folder, err, "%s", dir);

    list->names = NULL;
    list->count = 0;
    if (rc)
        return rc;
    if (!px_path_is_folder(dir))
        return px_fail(err, PX_E_NOT_FOUND, "%s is not a folder", dir);
    rc = px_list_folder(list->folder, suffixes, &list->names, &list->count, &missing);
    if (rc == 0 && list->count > 0)
        return 0;
    px_pictures_close(list);
    return refuse_empty(dir, phase, err);
}

void px_pictures_close(struct px_pictures_list *list)
{
    free(list->names);
    list->names = NULL;
    list->count = 0;
}

/* Pairs are read as stored; the EXIF orientation is for single pictures. */
static int load(const char *path, int channels, bool as_stored, struct px_image *image,
                struct px_error *err)
{
    const struct px_decode_limits limits = {PX_TOOL_MAX_PIXELS, PX_TOOL_MAX_SIDE, as_stored};

    return px_image_load(path, &limits, (uint32_t)channels, image, err);
}

/* Cuts `pair`, the file with input_nc channels; the target may need a decoding of its own. */
static int cut(struct px_example *example, const char *path, const struct px_image *pair,
               const struct px_network *network, bool right, struct px_error *err)
{
    struct px_image other = *pair;
    bool same = network->output_nc == network->input_nc;
    int rc = px_half_cut(pair, right, &example->input, err);

    if (!rc && !same)
        rc = load(path, network->output_nc, true, &other, err);
    if (rc)
        return rc;
    rc = px_half_cut(&other, !right, &example->target, err);
    if (!same)
        px_image_clear(&other);
    return rc;
}

int px_example_load(struct px_example *example, const struct px_pictures_list *list, size_t index,
                    const struct px_network *network, bool right, struct px_error *err)
{
    char path[PX_PATH_MAX];
    struct px_image stored = {0};
    int rc = px_path_join(path, list->folder, list->names[index], err);

    memset(example, 0, sizeof *example);
    if (!rc)
        rc = load(path, network->input_nc, true, &stored, err);
    if (!rc && px_half_is_pair(stored.width, stored.height))
        rc = cut(example, path, &stored, network, right, err);
    else if (!rc)
        rc = load(path, network->input_nc, false, &example->input, err);
    px_image_clear(&stored);
    if (rc)
        px_example_clear(example);
    return rc;
}

void px_example_clear(struct px_example *example)
{
    px_image_clear(&example->input);
    px_image_clear(&example->target);
}
