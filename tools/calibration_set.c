#include "tools/calibration_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "codecs/fit.h"
#include "tools/stop.h"

static const char *const suffixes[] = {".png", ".jpg", ".jpeg", NULL};

/* The files to choose from: names in `path`, which is the folder itself or its train/. */
struct listing {
    char path[4096 + 8];
    char **names;
    size_t count;
};

static int list(struct listing *listing, const char *folder, struct px_error *err)
{
    snprintf(listing->path, sizeof listing->path, "%.4096s", folder);
    int rc = px_list_folder(listing->path, suffixes, &listing->names, &listing->count, err);

    if (rc || listing->count > 0)
        return rc;
    free(listing->names);
    listing->names = NULL;
    snprintf(listing->path, sizeof listing->path, "%.4096s/train", folder);
    if (px_list_folder(listing->path, suffixes, &listing->names, &listing->count, NULL) == 0 &&
        listing->count > 0)
        return 0;
    return px_fail(err, PX_E_NOT_FOUND,
                   "%s: holds no .png, .jpg or .jpeg to calibrate with, nor does its train/",
                   folder);
}

static int load(struct px_calibration_set *set, const struct listing *listing, size_t index,
                const struct px_network *network, struct px_error *err)
{
    char path[sizeof listing->path + 256 + 1];
    struct px_error reason;

    int rc = px_stop_check(err);
    if (rc)
        return rc;
    snprintf(path, sizeof path, "%s/%.256s", listing->path, listing->names[index]);
    rc = px_image_load(path, NULL, (uint32_t)network->input_nc, &set->images[set->count], &reason);
    if (rc)
        fprintf(stderr, "left out: %s\n", reason.message);
    else
        set->count++;
    return 0;
}

static bool are_pairs(const struct px_calibration_set *set)
{
    for (int i = 0; i < set->count; i++)
        if (set->images[i].width != 2 * (uint64_t)set->images[i].height)
            return false;
    return true;
}

/* Keeps the left or the right half. */
static int take_half(struct px_image *image, bool right, struct px_error *err)
{
    struct px_image half;
    int rc = px_image_create(&half, image->width / 2, image->height, image->channels, err);

    if (rc)
        return rc;
    size_t row = (size_t)half.width * half.channels;
    for (size_t y = 0; y < half.height; y++)
        memcpy(half.data + y * row, image->data + (2 * y + right) * row, row);
    px_image_destroy(image);
    *image = half;
    return 0;
}

/* To what the network takes. */
static int fit(struct px_calibration_set *set, const struct px_network *network,
               struct px_error *err)
{
    const struct px_fit_sides sides = {(uint32_t)network->crop_size,
                                       (uint32_t)px_network_multiple(network),
                                       (uint32_t)px_network_least(network)};
    const bool b_to_a = strcmp(network->direction, "BtoA") == 0;
    int rc = 0;

    set->pairs = are_pairs(set);
    for (int i = 0; !rc && i < set->count; i++) {
        struct px_image *image = &set->images[i];
        struct px_fit plan;
        if (set->pairs)
            rc = take_half(image, b_to_a, err);
        if (rc)
            break;
        px_fit_plan(&plan, PX_FIT_MODEL, &sides, image->width, image->height);
        rc = px_fit_input(&plan, image, err);
        set->pictures[i] = image->data;
        set->side = (int)plan.width;
    }
    return rc;
}

static int read_listed(struct px_calibration_set *set, const struct listing *listing,
                       const struct px_network *network, size_t most, struct px_error *err)
{
    size_t count = listing->count < most ? listing->count : most;
    int rc = 0;

    set->images = calloc(count, sizeof *set->images);
    set->pictures = calloc(count, sizeof *set->pictures);
    if (!set->images || !set->pictures)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu pictures", count);
    for (size_t i = 0; !rc && i < count; i++)
        rc = load(set, listing, i * listing->count / count, network, err);
    if (!rc && set->count == 0)
        rc = px_fail(err, PX_E_UNPROCESSABLE,
                     "%s: none of its pictures can be used to calibrate with", listing->path);
    return rc ? rc : fit(set, network, err);
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
