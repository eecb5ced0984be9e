#include "trainer/data/pair.h"

#include <assert.h>

#include "pairs/names.h"

/* A and B of equal shape make a picture of 2:1, or of more if each is wide; photographs go up to
 * 16:9 (1.78). In tenths. */
enum { MIN_ASPECT = 19 };

void px_pair_clear(struct px_pair *pair)
{
    if (!pair)
        return;
    px_picture_clear(&pair->input);
    px_picture_clear(&pair->target);
}

/* Replaces the picture, of A or B, by what is trained on, or measured with. */
static int prepare(const struct px_pair_options *options, struct px_picture *picture,
                   struct px_error *err)
{
    uint32_t width = picture->width, height = picture->height, crop = options->preprocess.crop;
    int rc = px_preprocess_size(&options->preprocess, &width, &height, err);

    if (!rc)
        rc = px_picture_resize(picture, width, height, err);
    if (rc || !options->central || !px_preprocess_crops(&options->preprocess))
        return rc;
    return px_picture_cut(
        picture, &(struct px_area){(width - crop) / 2, (height - crop) / 2, crop, crop}, err);
}

/* Both; a whole B is scaled as A is, for the halves of a picture of odd width differ by a pixel. */
static int prepare_both(const struct px_pair_options *options, struct px_picture *a,
                        struct px_picture *b, struct px_error *err)
{
    int rc = prepare(options, a, err);

    if (rc || px_preprocess_crops(&options->preprocess))
        return rc ? rc : prepare(options, b, err);
    return px_picture_resize(b, a->width, a->height, err);
}

static uint32_t channels_of(const struct px_pair_options *options, bool is_b)
{
    return is_b == options->b_to_a ? options->input_nc : options->output_nc;
}

static int find_path(const struct px_pair_place *place, bool is_b, char path[PX_PATH_MAX],
                     struct px_error *err)
{
    const struct px_names *names = place->names;
    bool two = names->b.count > 0;

    assert(place->index < names->a.count);
    return px_path_join(path, is_b && two ? place->source->b : place->source->a,
                        is_b && two ? names->b.names[place->index] : names->a.names[place->index],
                        err);
}

/* As the reference splits: A = [0, w/2), B = [w/2, w). The EXIF orientation of such a file is
 * ignored: it would swap A and B or cut across both. */
static int load_half(const char *path, bool is_b, const struct px_pair_options *options,
                     struct px_picture *out, struct px_pair_seen *seen, struct px_error *err)
{
    struct px_decode_limits limits = options->limits;

    limits.as_stored = true;
    int rc = px_picture_load(path, &limits, channels_of(options, is_b), out, err);
    if (rc)
        return rc; /* names the file already */
    uint32_t middle = out->width / 2;
    const struct px_area a = {0, 0, middle, out->height};
    const struct px_area b = {middle, 0, out->width - middle, out->height};
    seen->is_narrow = middle > 0 && (uint64_t)out->width * 10 < (uint64_t)out->height * MIN_ASPECT;
    if (middle == 0)
        rc =
            px_fail(err, PX_E_UNPROCESSABLE, "%u x %u pixels cannot hold two pictures side by side",
                    out->width, out->height);
    else
        rc = px_picture_cut(out, is_b ? &b : &a, err);
    if (rc)
        px_error_prefix(err, path);
    return rc;
}

/* The EXIF orientation is applied to a file that holds one picture. */
static int load_side(const struct px_pair_place *place, bool is_b,
                     const struct px_pair_options *options, struct px_picture *out,
                     struct px_pair_seen *seen, struct px_error *err)
{
    char path[PX_PATH_MAX];
    int rc = find_path(place, is_b, path, err);

    if (rc)
        return rc;
    if (place->names->b.count == 0)
        return load_half(path, is_b, options, out, seen, err);
    return px_picture_load(path, &options->limits, channels_of(options, is_b), out, err);
}

/* Scales both; failures do not name the file yet. */
static int finish_pair(const struct px_pair_place *place, const struct px_pair_options *options,
                       struct px_picture *a, struct px_picture *b, struct px_error *err)
{
    if (place->names->b.count > 0 && (a->width != b->width || a->height != b->height))
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "is %ux%u, its partner in A is %ux%u: both must have the same size",
                       b->width, b->height, a->width, a->height);
    return prepare_both(options, a, b, err);
}

int px_pair_load(const struct px_pair_place *place, const struct px_pair_options *options,
                 struct px_pair *pair, struct px_pair_seen *seen, struct px_error *err)
{
    struct px_picture *a = options->b_to_a ? &pair->target : &pair->input;
    struct px_picture *b = options->b_to_a ? &pair->input : &pair->target;
    char path[PX_PATH_MAX];
    int rc = load_side(place, false, options, a, seen, err);

    if (!rc) {
        seen->half = (struct px_pair_size){a->width, a->height};
        rc = load_side(place, true, options, b, seen, err);
    }
    if (!rc && (rc = finish_pair(place, options, a, b, err)) != 0 &&
        find_path(place, true, path, NULL) == 0)
        px_error_prefix(err, path);
    if (rc)
        px_pair_clear(pair);
    return rc;
}
