#include "tools/calibrate/calibration_set.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "tools/work/jobs.h"
#include "translate/half.h"
#include "translate/translate.h"

static const char *const suffixes[] = {".png", ".jpg", ".jpeg", NULL};

/* The files to choose from: names in `path`, which is the folder itself or its train/. */
struct listing {
    char path[PX_PATH_MAX];
    char **names;
    size_t count;
};

static int list(struct listing *listing, const char *folder, struct px_error *err)
{
    int rc = px_path_format(listing->path, err, "%s", folder);

    if (!rc)
        rc = px_list_folder(listing->path, suffixes, &listing->names, &listing->count, err);
    if (rc || listing->count > 0)
        return rc;
    free(listing->names);
    listing->names = NULL;
    rc = px_path_join(listing->path, folder, "train", err);
    if (rc)
        return rc;
    if (px_list_folder(listing->path, suffixes, &listing->names, &listing->count, NULL) == 0 &&
        listing->count > 0)
        return 0;
    return px_fail(err, PX_E_NOT_FOUND,
                   "%s: holds no .png, .jpg or .jpeg to calibrate with, nor does its train/",
                   folder);
}

/* A set while it is read. Pictures are scaled at once, so that only one at a time is in memory in
 * its own size. Whether they are pairs is known when all have been seen: until then a half is kept
 * beside the whole. Both are read as a pair would be or as a picture would be: only the whole is
 * turned by its EXIF orientation. */
struct reading {
    const struct px_calibration_source *source;
    struct px_calibration_set *set;
    struct px_image *halves; /* of images that are twice as wide as high; else empty */
    bool pairs;              /* all were, up to now */
};

/* Scales to what the network takes. */
static int fit(struct reading *r, struct px_image *image, struct px_error *err)
{
    const struct px_fit plan =
        px_translate_fit(r->source->network, PX_FIT_MODEL, image->width, image->height);

    r->set->side = (int)plan.width;
    return px_fit_input(&plan, image, err);
}

static int load_picture(const struct reading *r, const char *path, bool as_stored,
                        struct px_image *image, struct px_error *err)
{
    const struct px_decode_limits limits = {PX_TOOL_MAX_PIXELS, PX_TOOL_MAX_SIDE, as_stored};

    return px_image_load(path, &limits, (uint32_t)r->source->network->input_nc, image, err);
}

/* The network's half of a pair, scaled. A file that is not a pair leaves *half empty and ends the
 * search for pairs. */
static int load_half(struct reading *r, const char *path, struct px_image *half,
                     struct px_error *err)
{
    const bool right = px_half_is_right(r->source->network->direction);
    struct px_image pair;
    int rc = load_picture(r, path, true, &pair, err);

    if (rc)
        return rc;
    r->pairs = px_half_is_pair(pair.width, pair.height);
    if (r->pairs)
        rc = px_half_cut(&pair, right, half, err);
    px_image_clear(&pair);
    return rc || !r->pairs ? rc : fit(r, half, err);
}

/* Adds a picture to the set, or says why not. */
static int load(struct reading *r, const char *path, struct px_error *err)
{
    struct px_image *image = &r->set->images[r->set->count], *half = &r->halves[r->set->count];
    struct px_error reason;
    int rc = px_stop_check(r->source->stop, err);

    if (rc)
        return rc;
    if (load_picture(r, path, false, image, &reason) != 0) {
        fprintf(stderr, "left out: %s\n", reason.message);
        return 0;
    }
    r->set->count++;
    if (r->pairs)
        rc = load_half(r, path, half, err);
    return rc ? rc : fit(r, image, err);
}

/* Keeps the halves if all are pairs, else the whole pictures. */
static void choose(struct reading *r)
{
    r->set->pairs = r->pairs;
    for (int i = 0; i < r->set->count; i++) {
        if (r->pairs) {
            px_image_clear(&r->set->images[i]);
            r->set->images[i] = r->halves[i];
        } else {
            px_image_clear(&r->halves[i]);
        }
        r->set->pictures[i] = r->set->images[i].data;
    }
}

static int load_all(struct reading *r, const struct listing *listing, size_t count,
                    struct px_error *err)
{
    char path[PX_PATH_MAX];
    int rc = 0;

    for (size_t i = 0; !rc && i < count; i++) {
        rc = px_path_join(path, listing->path, listing->names[i * listing->count / count], err);
        if (!rc)
            rc = load(r, path, err);
    }
    if (!rc && r->set->count == 0)
        rc = px_fail(err, PX_E_UNPROCESSABLE,
                     "%s: none of its pictures can be used to calibrate with", listing->path);
    choose(r);
    return rc;
}

static int read_listed(struct reading *r, const struct listing *listing, struct px_error *err)
{
    size_t most = (size_t)r->source->count;
    size_t count = listing->count < most ? listing->count : most;
    int rc;

    r->set->images = calloc(count, sizeof *r->set->images);
    r->set->pictures = calloc(count, sizeof *r->set->pictures);
    r->halves = calloc(count, sizeof *r->halves);
    if (r->set->images && r->set->pictures && r->halves)
        rc = load_all(r, listing, count, err);
    else
        rc = px_fail(err, PX_E_NOMEM, "no memory for %zu pictures", count);
    free(r->halves);
    return rc;
}

int px_calibration_set_read(struct px_calibration_set *set,
                            const struct px_calibration_source *source, struct px_error *err)
{
    struct reading reading = {.source = source, .set = set, .pairs = true};
    struct listing listing = {.count = 0};
    int rc = px_network_check_pictures(source->network, err);

    *set = (struct px_calibration_set){0};
    if (!rc)
        rc = list(&listing, source->folder, err);
    if (!rc)
        rc = read_listed(&reading, &listing, err);
    free(listing.names);
    if (rc)
        px_calibration_set_clear(set);
    return rc;
}

void px_calibration_set_clear(struct px_calibration_set *set)
{
    for (int i = 0; i < set->count; i++)
        px_image_clear(&set->images[i]);
    free(set->images);
    free(set->pictures);
    *set = (struct px_calibration_set){0};
}
