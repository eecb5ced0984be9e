#include "tools/evaluate/pictures.h"

#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "codecs/codec.h"
#include "tools/work/jobs.h"
#include "translate/half.h"

static int refuse_empty(const char *dir, const char *phase, struct px_error *err)
{
    static const char *const phases[] = {"train", "val", "test"};
    struct px_source source;
    char there[64] = "";

    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        if (px_source_of(&source, dir, phases[i], NULL) == 0 && source.a[0])
            snprintf(there + strlen(there), sizeof there - strlen(there), "%s%s",
                     *there ? ", " : "", phases[i]);
    if (*there)
        return px_fail(err, PX_E_NOT_FOUND,
                       "%s has no pictures (.png, .jpg, .jpeg) in '%s'; it has the folders %s", dir,
                       phase, there);
    if (!*phase)
        return px_fail(err, PX_E_NOT_FOUND, "%s has no pictures (.png, .jpg, .jpeg)", dir);
    return px_fail(err, PX_E_NOT_FOUND,
                   "%s has no folder '%s' of pictures (.png, .jpg, .jpeg); --phase '' takes those "
                   "in %s itself",
                   dir, phase, dir);
}

int px_pictures_open(struct px_pictures_list *list, const char *dir, const char *phase,
                     struct px_error *err)
{
    struct px_error missing = {0};
    int rc = px_source_of(&list->source, dir, phase, err);

    list->names = (struct px_names){0};
    if (rc)
        return rc;
    if (!px_path_is_folder(dir))
        return px_fail(err, PX_E_NOT_FOUND, "%s is not a folder", dir);
    rc = list->source.a[0] ? px_names_read(&list->names, &list->source, &missing) : -PX_E_NOT_FOUND;
    if (rc == -PX_E_NOT_FOUND)
        return refuse_empty(dir, phase, err);
    return rc ? px_fail(err, (enum px_code) - rc, "%s", missing.message) : 0;
}

void px_pictures_close(struct px_pictures_list *list)
{
    px_names_clear(&list->names);
}

size_t px_pictures_count(const struct px_pictures_list *list)
{
    return list->names.a.count;
}

const char *px_pictures_name(const struct px_pictures_list *list, size_t index)
{
    return list->names.a.names[index];
}

static bool in_two_folders(const struct px_pictures_list *list)
{
    return list->source.b[0] != '\0';
}

int px_pictures_path(const struct px_pictures_list *list, size_t index, bool is_b,
                     char path[static PX_PATH_MAX], struct px_error *err)
{
    return is_b && in_two_folders(list)
               ? px_path_join(path, list->source.b, list->names.b.names[index], err)
               : px_path_join(path, list->source.a, list->names.a.names[index], err);
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

static int load_two(struct px_example *example, const struct px_pictures_list *list, size_t index,
                    const struct px_network *network, bool right, struct px_error *err)
{
    const struct px_image *in = &example->input, *target = &example->target;
    char path[PX_PATH_MAX];
    int rc = px_pictures_path(list, index, right, path, err);

    if (!rc)
        rc = load(path, network->input_nc, false, &example->input, err);
    if (!rc)
        rc = px_pictures_path(list, index, !right, path, err);
    if (!rc)
        rc = load(path, network->output_nc, false, &example->target, err);
    if (!rc && (in->width != target->width || in->height != target->height))
        rc = px_fail(err, PX_E_UNPROCESSABLE,
                     "%s is %ux%u, its partner is %ux%u: both must have the same size", path,
                     target->width, target->height, in->width, in->height);
    return rc;
}

static int load_one(struct px_example *example, const struct px_pictures_list *list, size_t index,
                    const struct px_network *network, bool right, struct px_error *err)
{
    char path[PX_PATH_MAX];
    struct px_image stored = {0};
    int rc = px_pictures_path(list, index, false, path, err);

    if (!rc)
        rc = load(path, network->input_nc, true, &stored, err);
    if (!rc && px_half_is_pair(stored.width, stored.height))
        rc = cut(example, path, &stored, network, right, err);
    else if (!rc)
        rc = load(path, network->input_nc, false, &example->input, err);
    px_image_clear(&stored);
    return rc;
}

int px_example_load(struct px_example *example, const struct px_pictures_list *list, size_t index,
                    const struct px_network *network, bool right, struct px_error *err)
{
    memset(example, 0, sizeof *example);
    int rc = in_two_folders(list) ? load_two(example, list, index, network, right, err)
                                  : load_one(example, list, index, network, right, err);
    if (rc)
        px_example_clear(example);
    return rc;
}

void px_example_clear(struct px_example *example)
{
    px_image_clear(&example->input);
    px_image_clear(&example->target);
}
