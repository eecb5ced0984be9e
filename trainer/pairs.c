#include "trainer/pairs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/file.h"
#include "codecs/codec.h"
#include "codecs/resize.h"

struct px_pairs {
    struct px_pairs_options options;
    char *folder;
    char **names;
    size_t count;
    bool keep;
    struct px_pair *pairs; /* count of them; empty unless keep */
};

void px_pair_destroy(struct px_pair *pair)
{
    if (!pair)
        return;
    px_image_destroy(&pair->input);
    px_image_destroy(&pair->target);
}

/* The columns [left, left + width) of `in`, scaled to size x size. */
static int cut(const struct px_image *in, uint32_t left, uint32_t width, uint32_t size,
               struct px_image *out, struct px_error *err)
{
    struct px_image half = {0};
    int rc = px_image_create(&half, width, in->height, in->channels, err);

    if (rc)
        return rc;
    for (uint32_t y = 0; y < in->height; y++)
        memcpy(half.data + (size_t)y * width * in->channels,
               in->data + ((size_t)y * in->width + left) * in->channels,
               (size_t)width * in->channels);
    rc = px_image_resize(&half, size, size, out, err);
    px_image_destroy(&half);
    return rc;
}

/* As the reference splits: A = [0, w/2), B = [w/2, w). */
static int cut_half(const struct px_image *whole, bool right, uint32_t size, struct px_image *out,
                    struct px_error *err)
{
    uint32_t middle = whole->width / 2;

    if (middle == 0)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "%u x %u pixels cannot hold two pictures side by side", whole->width,
                       whole->height);
    return right ? cut(whole, middle, whole->width - middle, size, out, err)
                 : cut(whole, 0, middle, size, out, err);
}

/* Decodes a file into an input and a target; a second time only where their channels differ. */
static int load_halves(const struct px_pairs_options *options, const char *path,
                       struct px_pair *pair, struct px_error *err)
{
    struct px_image whole = {0};
    int rc = px_image_load(path, NULL, options->input_nc, &whole, err);

    if (rc)
        return rc; /* names the file already */
    rc = cut_half(&whole, options->b_to_a, options->load_size, &pair->input, err);
    if (!rc && options->output_nc != options->input_nc) {
        px_image_destroy(&whole);
        rc = px_image_load(path, NULL, options->output_nc, &whole, err);
        if (rc)
            return rc;
    }
    if (!rc)
        rc = cut_half(&whole, !options->b_to_a, options->load_size, &pair->target, err);
    px_image_destroy(&whole);
    if (rc)
        px_error_prefix(err, path);
    return rc;
}

static int load_pair(const struct px_pairs *pairs, size_t index, struct px_pair *pair,
                     struct px_error *err)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", pairs->folder, pairs->names[index]);

    if (n < 0 || (size_t)n >= sizeof path)
        return px_fail(err, PX_E_IO, "%.200s...: the path is too long", path);
    int rc = load_halves(&pairs->options, path, pair, err);
    if (rc)
        px_pair_destroy(pair);
    return rc;
}

/* What was met while decoding; filled by several threads. */
struct verdict {
    pthread_mutex_t mutex;
    size_t bad;   /* files that cannot be used */
    size_t first; /* of them, by name, and why */
    struct px_error reason;
};

static void note_bad(struct verdict *verdict, size_t index, const struct px_error *reason)
{
    pthread_mutex_lock(&verdict->mutex);
    if (verdict->bad++ == 0 || index < verdict->first) {
        verdict->first = index;
        verdict->reason = *reason;
    }
    pthread_mutex_unlock(&verdict->mutex);
}

/* Decodes every file once, in parallel, and keeps the result where that was decided. */
static int load_all(struct px_pairs *pairs, struct px_error *err)
{
    struct verdict verdict = {.mutex = PTHREAD_MUTEX_INITIALIZER};

#pragma omp parallel for schedule(dynamic) num_threads(pairs->options.threads)
    for (size_t i = 0; i < pairs->count; i++) {
        struct px_error own = {0};
        struct px_pair pair = {0};
        if (load_pair(pairs, i, &pair, &own))
            note_bad(&verdict, i, &own);
        else if (pairs->keep)
            pairs->pairs[i] = pair;
        else
            px_pair_destroy(&pair);
    }
    const struct px_error *reason = &verdict.reason;
    if (verdict.bad == 0)
        return 0;
    if (verdict.bad == 1)
        return px_fail(err, (enum px_code)reason->code, "%s", reason->message);
    return px_fail(err, (enum px_code)reason->code, "%.380s (and %zu other unusable file%s)",
                   reason->message, verdict.bad - 1, verdict.bad == 2 ? "" : "s");
}

static int list(struct px_pairs *pairs, struct px_error *err)
{
    static const char *const suffixes[] = {".png", ".jpg", ".jpeg", NULL};
    int rc = px_list_folder(pairs->folder, suffixes, &pairs->names, &pairs->count, err);

    if (rc)
        return rc;
    if (pairs->count == 0)
        return px_fail(err, PX_E_NOT_FOUND,
                       "%s: holds no .png, .jpg or .jpeg picture (A and B side by side)",
                       pairs->folder);
    if (pairs->options.max_count > 0 && (uint64_t)pairs->options.max_count < pairs->count)
        pairs->count = (size_t)pairs->options.max_count;
    if (pairs->count > UINT32_MAX)
        return px_fail(err, PX_E_TOO_LARGE, "%s: %zu pictures are too many", pairs->folder,
                       pairs->count);
    return 0;
}

static bool fits(const struct px_pairs *pairs)
{
    const struct px_pairs_options *o = &pairs->options;
    size_t bytes = (size_t)o->load_size * o->load_size * (o->input_nc + o->output_nc);

    return px_mul(bytes, pairs->count, &bytes) && bytes <= o->memory_limit;
}

int px_pairs_open(struct px_pairs **out, const char *folder, const struct px_pairs_options *options,
                  struct px_error *err)
{
    struct px_pairs *pairs = calloc(1, sizeof *pairs);
    int rc;

    if (!pairs || !(pairs->folder = strdup(folder))) {
        free(pairs);
        return px_fail(err, PX_E_NOMEM, "%s: no memory for the data set", folder);
    }
    pairs->options = *options;
    rc = list(pairs, err);
    if (!rc) {
        pairs->keep = fits(pairs);
        pairs->pairs = calloc(pairs->count, sizeof *pairs->pairs);
        rc = pairs->pairs ? load_all(pairs, err)
                          : px_fail(err, PX_E_NOMEM, "%s: no memory for the data set", folder);
    }
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
    free(pairs->names);
    free(pairs->folder);
    free(pairs);
}

size_t px_pairs_count(const struct px_pairs *pairs)
{
    return pairs->count;
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

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int px_pairs_folders(const char *data, char train[4096], char val[4096], struct px_error *err)
{
    int n = snprintf(train, 4096, "%s/train", data);

    if (n < 0 || n >= 4096)
        return px_fail(err, PX_E_USAGE, "--data %.200s...: the path is too long", data);
    snprintf(val, 4096, "%s/val", data);
    if (!is_folder(train))
        snprintf(train, 4096, "%s", data);
    if (!is_folder(val))
        val[0] = 0;
    return 0;
}
