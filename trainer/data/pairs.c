#include "trainer/data/pairs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/data/parts/listing.h"

struct size {
    uint32_t width, height;
};

struct px_pairs {
    struct px_pairs_options options;
    struct px_source source;
    struct px_listing listing;
    size_t count;       /* of the listing's, from the first */
    struct size *sizes; /* that pairs are trained on at */
    bool keep;
    struct px_pair *pairs; /* count of them; empty unless keep */
};

void px_pair_destroy(struct px_pair *pair)
{
    if (!pair)
        return;
    px_picture_destroy(&pair->input);
    px_picture_destroy(&pair->target);
}

/* Replaces the picture, of A or B, by what is trained on, or measured with. */
static int prepare(const struct px_pairs_options *options, struct px_picture *picture,
                   struct px_error *err)
{
    uint32_t width = picture->width, height = picture->height, crop = options->preprocess.crop;
    int rc = px_preprocess_size(&options->preprocess, &width, &height, err);

    if (!rc)
        rc = px_picture_resize(picture, width, height, err);
    if (rc || !options->central || !px_preprocess_crops(&options->preprocess))
        return rc;
    return px_picture_cut(picture, (width - crop) / 2, (height - crop) / 2, crop, crop, err);
}

/* Both; a whole B is scaled as A is, for the halves of a picture of odd width differ by a pixel. */
static int prepare_both(const struct px_pairs_options *options, struct px_picture *a,
                        struct px_picture *b, struct px_error *err)
{
    int rc = prepare(options, a, err);

    if (rc || px_preprocess_crops(&options->preprocess))
        return rc ? rc : prepare(options, b, err);
    return px_picture_resize(b, a->width, a->height, err);
}

/* As the reference splits: A = [0, w/2), B = [w/2, w). */
static int load_half(const char *path, bool right, uint32_t channels, struct px_picture *out,
                     struct px_error *err)
{
    int rc = px_picture_load(path, channels, out, err);

    if (rc)
        return rc; /* names the file already */
    uint32_t middle = out->width / 2;
    if (middle == 0)
        rc =
            px_fail(err, PX_E_UNPROCESSABLE, "%u x %u pixels cannot hold two pictures side by side",
                    out->width, out->height);
    else
        rc = px_picture_cut(out, right ? middle : 0, 0, right ? out->width - middle : middle,
                            out->height, err);
    if (rc)
        px_error_prefix(err, path);
    return rc;
}

/* Loads the A or B of a pair and names its file in `path`. */
static int load_side(const struct px_pairs *pairs, size_t index, bool is_b, struct px_picture *out,
                     char path[4096], struct px_error *err)
{
    const struct px_pairs_options *o = &pairs->options;
    const struct px_listing *l = &pairs->listing;
    uint32_t channels = is_b == o->b_to_a ? o->input_nc : o->output_nc;
    int n;

    if (l->b)
        n = snprintf(path, 4096, "%s/%s", is_b ? pairs->source.b : pairs->source.a,
                     is_b ? l->b[index] : l->a[index]);
    else
        n = snprintf(path, 4096, "%s/%s", pairs->source.a, l->a[index]);
    if (n < 0 || n >= 4096)
        return px_fail(err, PX_E_IO, "%.200s...: the path is too long", path);
    return l->b ? px_picture_load(path, channels, out, err)
                : load_half(path, is_b, channels, out, err);
}

static int load_pair(const struct px_pairs *pairs, size_t index, struct px_pair *pair,
                     struct px_error *err)
{
    const struct px_pairs_options *o = &pairs->options;
    struct px_picture *a = o->b_to_a ? &pair->target : &pair->input;
    struct px_picture *b = o->b_to_a ? &pair->input : &pair->target;
    char path[4096];
    int rc = load_side(pairs, index, false, a, path, err);

    if (!rc)
        rc = load_side(pairs, index, true, b, path, err);
    if (!rc) { /* these two do not name the file themselves */
        if (pairs->listing.b && (a->width != b->width || a->height != b->height))
            rc = px_fail(err, PX_E_UNPROCESSABLE,
                         "is %ux%u, its partner in A is %ux%u: both must have the same size",
                         b->width, b->height, a->width, a->height);
        if (!rc)
            rc = prepare_both(o, a, b, err);
        if (rc)
            px_error_prefix(err, path);
    }
    if (rc)
        px_pair_destroy(pair);
    return rc;
}

/* What was met while decoding; filled by several threads. */
struct verdict {
    pthread_mutex_t mutex;
    size_t bytes; /* of pixels kept */
    size_t bad;   /* files that cannot be used */
    size_t first; /* of them, by name, and why */
    struct px_error reason;
    bool *is_bad; /* by index */
};

static void note_bad(struct verdict *verdict, size_t index, const struct px_error *reason)
{
    pthread_mutex_lock(&verdict->mutex);
    if (verdict->bad++ == 0 || index < verdict->first) {
        verdict->first = index;
        verdict->reason = *reason;
    }
    verdict->is_bad[index] = true;
    pthread_mutex_unlock(&verdict->mutex);
}

/* Keeps a pair while the limit allows; once it does not, none is kept. */
static void keep_pair(struct px_pairs *pairs, size_t index, struct px_pair *pair,
                      struct verdict *verdict)
{
    pthread_mutex_lock(&verdict->mutex);
    verdict->bytes += px_picture_bytes(&pair->input) + px_picture_bytes(&pair->target);
    if (verdict->bytes > pairs->options.memory_limit)
        pairs->keep = false;
    if (pairs->keep)
        pairs->pairs[index] = *pair;
    else
        px_pair_destroy(pair);
    pthread_mutex_unlock(&verdict->mutex);
}

/* The first file that cannot be used and why, and the names of others as far as there is room. */
static int complain(const struct px_pairs *pairs, const struct verdict *verdict,
                    struct px_error *err)
{
    const struct px_error *reason = &verdict->reason;
    char others[160] = "";
    size_t used = 0;

    if (verdict->bad == 1)
        return px_fail(err, (enum px_code)reason->code, "%s", reason->message);
    for (size_t i = verdict->first + 1; i < pairs->count; i++) {
        size_t length = strlen(pairs->listing.a[i]);
        if (!verdict->is_bad[i])
            continue;
        if (used + length + 8 > sizeof others) {
            snprintf(others + used, sizeof others - used, ", ...");
            break;
        }
        used += (size_t)snprintf(others + used, sizeof others - used, "%s%s", used ? ", " : "",
                                 pairs->listing.a[i]);
    }
    return px_fail(err, (enum px_code)reason->code, "%.260s (and %zu other unusable file%s: %s)",
                   reason->message, verdict->bad - 1, verdict->bad == 2 ? "" : "s", others);
}

static bool is_stopped(const struct px_pairs *pairs)
{
    return pairs->options.stop && *pairs->options.stop;
}

static struct size size_of(const struct px_pairs *pairs, const struct px_pair *pair)
{
    const struct px_preprocess *p = &pairs->options.preprocess;

    return px_preprocess_crops(p) ? (struct size){p->crop, p->crop}
                                  : (struct size){pair->input.width, pair->input.height};
}

/* Decodes every file once, in parallel, and keeps the result where there is room. */
static int load_all(struct px_pairs *pairs, struct px_error *err)
{
    struct verdict verdict = {.mutex = PTHREAD_MUTEX_INITIALIZER};

    verdict.is_bad = calloc(pairs->count, sizeof *verdict.is_bad);
    pairs->pairs = calloc(pairs->count, sizeof *pairs->pairs);
    pairs->sizes = calloc(pairs->count, sizeof *pairs->sizes);
    if (!verdict.is_bad || !pairs->pairs || !pairs->sizes) {
        free(verdict.is_bad);
        return px_fail(err, PX_E_NOMEM, "%s: no memory for the data set", pairs->source.a);
    }
    pairs->keep = true;
#pragma omp parallel for schedule(dynamic) num_threads(pairs->options.threads)
    for (size_t i = 0; i < pairs->count; i++) {
        struct px_error own = {0};
        struct px_pair pair = {0};
        if (is_stopped(pairs))
            continue;
        if (load_pair(pairs, i, &pair, &own)) {
            note_bad(&verdict, i, &own);
            continue;
        }
        pairs->sizes[i] = size_of(pairs, &pair);
        keep_pair(pairs, i, &pair, &verdict);
    }
    for (size_t i = 0; i < pairs->count && !pairs->keep; i++)
        px_pair_destroy(&pairs->pairs[i]);
    int rc = verdict.bad ? complain(pairs, &verdict, err) : 0;
    if (is_stopped(pairs))
        rc = px_fail(err, PX_E_INTERRUPTED, "interrupted while the pictures were checked");
    free(verdict.is_bad);
    return rc;
}

static int list(struct px_pairs *pairs, struct px_error *err)
{
    int rc = px_listing_read(&pairs->listing, &pairs->source, err);

    if (rc)
        return rc;
    pairs->count = pairs->listing.count;
    if (pairs->options.max_count > 0 && (uint64_t)pairs->options.max_count < pairs->count)
        pairs->count = (size_t)pairs->options.max_count;
    if (pairs->count > UINT32_MAX)
        return px_fail(err, PX_E_TOO_LARGE, "%s: %zu pictures are too many", pairs->source.a,
                       pairs->count);
    return 0;
}

int px_pairs_open(struct px_pairs **out, const struct px_source *source,
                  const struct px_pairs_options *options, struct px_error *err)
{
    struct px_pairs *pairs = calloc(1, sizeof *pairs);
    int rc;

    if (!pairs)
        return px_fail(err, PX_E_NOMEM, "%s: no memory for the data set", source->a);
    pairs->source = *source;
    pairs->options = *options;
    rc = list(pairs, err);
    if (!rc)
        rc = load_all(pairs, err);
    if (rc) {
        px_pairs_close(pairs);
        return rc;
    }
    *out = pairs;
    return 0;
}

void px_pairs_close(struct px_pairs *pairs)
{
    if (!pairs)
        return;
    for (size_t i = 0; pairs->pairs && i < pairs->count; i++)
        px_pair_destroy(&pairs->pairs[i]);
    free(pairs->pairs);
    free(pairs->sizes);
    px_listing_finish(&pairs->listing);
    free(pairs);
}

size_t px_pairs_count(const struct px_pairs *pairs)
{
    return pairs->count;
}

size_t px_pairs_pixels(const struct px_pairs *pairs)
{
    size_t most = 0;

    for (size_t i = 0; i < pairs->count; i++) {
        size_t pixels = (size_t)pairs->sizes[i].width * pairs->sizes[i].height;
        most = pixels > most ? pixels : most;
    }
    return most;
}

int px_pairs_check_one_size(const struct px_pairs *pairs, struct px_error *err)
{
    const struct size *sizes = pairs->sizes;

    for (size_t i = 1; i < pairs->count; i++)
        if (sizes[i].width != sizes[0].width || sizes[i].height != sizes[0].height)
            return px_fail(err, PX_E_USAGE,
                           "%s is trained on at %ux%u and %s at %ux%u: pictures of several sizes "
                           "need --batch-size 1 and --accumulate 1, or a --preprocess that crops",
                           pairs->listing.a[0], sizes[0].width, sizes[0].height,
                           pairs->listing.a[i], sizes[i].width, sizes[i].height);
    return 0;
}

bool px_pairs_in_memory(const struct px_pairs *pairs)
{
    return pairs->keep;
}

int px_pairs_get(const struct px_pairs *pairs, size_t index, struct px_pair *storage,
                 const struct px_pair **pair, struct px_error *err)
{
    if (pairs->keep) {
        *pair = &pairs->pairs[index];
        return 0;
    }
    int rc = load_pair(pairs, index, storage, err);
    *pair = storage;
    return rc;
}
