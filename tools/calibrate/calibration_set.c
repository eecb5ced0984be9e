#include "tools/calibrate/calibration_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/path.h"
#include "codecs/codec.h"
#include "codecs/fit.h"
#include "tools/work/stop.h"

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
        rc = px_list_folder(folder, suffixes, &listing->names, &listing->count, err);
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

/* A set while it is read. Pictures are scaled at once, so that no more than one is ever there in
 * its own size; a half is kept beside the whole until all are seen. */
struct reading {
    struct px_calibration_set *set;
    const struct px_network *network;
    struct px_image *halves; /* of images that are twice as wide as high; else empty */
    bool pairs;              /* all were, up to now */
};

/* Scales to what the network takes. */
static int fit(struct reading *r, struct px_image *image, struct px_error *err)
{
    const struct px_fit_sides sides = {(uint32_t)r->network->crop_size,
                                       (uint32_t)px_network_multiple(r->network),
                                       (uint32_t)px_network_min_side(r->network)};
    struct px_fit plan;

    px_fit_plan(&plan, PX_FIT_MODEL, &sides, image->width, image->height);
    r->set->side = (int)plan.width;
    return px_fit_input(&plan, image, err);
}

/* The left or the right half of a pair, scaled. */
static int take_half(struct reading *r, const struct px_image *pair, struct px_image *half,
                     struct px_error *err)
{
    const bool right = strcmp(r->network->direction, "BtoA") == 0;
    int rc = px_image_create(half, pair->width / 2, pair->height, pair->channels, err);

    if (rc)
        return rc;
    size_t row = (size_t)half->width * half->channels;
    for (size_t y = 0; y < half->height; y++)
        memcpy(half->data + y * row, pair->data + (2 * y + right) * row, row);
    return fit(r, half, err);
}

/* Adds a picture to the set, or says why not. */
static int load(struct reading *r, const char *path, struct px_error *err)
{
    struct px_image *image = &r->set->images[r->set->count], *half = &r->halves[r->set->count];
    struct px_error reason;
    int rc = px_stop_check(err);

    if (rc)
        return rc;
    if (px_image_load(path, NULL, (uint32_t)r->network->input_nc, image, &reason) != 0) {
        fprintf(stderr, "left out: %s\n", reason.message);
        return 0;
    }
    r->set->count++;
    r->pairs = r->pairs && image->width == 2 * (uint64_t)image->height;
    if (r->pairs)
        rc = take_half(r, image, half, err);
    return rc ? rc : fit(r, image, err);
}

static int load_all(struct reading *r, const struct listing *listing, size_t count,
                    struct px_error *err)
{
    char path[PX_PATH_MAX];
    int rc = 0;

    for (size_t i = 0; !rc && i < count; i++) {
        const char *name = listing->names[i * listing->count / count];
        rc = px_path_join(path, listing->path, name, err);
        if (!rc)
            rc = load(r, path, err);
    }
    if (!rc && r->set->count == 0)
        rc = px_fail(err, PX_E_UNPROCESSABLE,
                     "%s: none of its pictures can be used to calibrate with", listing->path);
    r->set->pairs = r->pairs;
    for (int i = 0; i < r->set->count; i++) {
        if (r->pairs) {
            struct px_image whole = r->set->images[i];
            r->set->images[i] = r->halves[i];
            r->halves[i] = whole;
        }
        r->set->pictures[i] = r->set->images[i].data;
        px_image_destroy(&r->halves[i]);
    }
    return rc;
}

static int read_listed(struct px_calibration_set *set, const struct listing *listing,
                       const struct px_network *network, size_t most, struct px_error *err)
{
    size_t count = listing->count < most ? listing->count : most;
    struct reading reading = {.set = set, .network = network, .pairs = true};
    int rc;

    set->images = calloc(count, sizeof *set->images);
    set->pictures = calloc(count, sizeof *set->pictures);
    reading.halves = calloc(count, sizeof *reading.halves);
    if (set->images && set->pictures && reading.halves)
        rc = load_all(&reading, listing, count, err);
    else
        rc = px_fail(err, PX_E_NOMEM, "no memory for %zu pictures", count);
    free(reading.halves);
    return rc;
}

int px_calibration_set_read(struct px_calibration_set *set, const char *folder,
                            const struct px_network *network, int most, struct px_error *err)
{
    struct listing listing = {.count = 0};
    int rc = px_network_check_pictures(network, err);

    *set = (struct px_calibration_set){0};
    if (!rc)
        rc = list(&listing, folder, err);
    if (!rc)
        rc = read_listed(set, &listing, network, (size_t)most, err);
    free(listing.names);
    if (rc)
        px_calibration_set_destroy(set);
    return rc;
}

void px_calibration_set_destroy(struct px_calibration_set *set)
{
    for (int i = 0; i < set->count; i++)
        px_image_destroy(&set->images[i]);
    free(set->images);
    free(set->pictures);
    *set = (struct px_calibration_set){0};
}
