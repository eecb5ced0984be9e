#include "trainer/data/pairs.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "pairs/names.h"

struct px_pairs {
    struct px_pairs_options options;
    struct px_source source;
    struct px_names names;
    size_t count;                /* of the names, from the first */
    struct px_pair_size *sizes;  /* of each as it is trained on */
    struct px_pair_size *halves; /* of each as it is stored */
    size_t broken;
    bool keep;
    struct px_pair *pairs; /* count of them; empty unless keep */
};

/* What was met while decoding; filled by several threads. */
struct verdict {
    pthread_mutex_t mutex;
    size_t bytes;                  /* of pixels kept */
    size_t bad;                    /* files that cannot be used */
    const struct px_error **error; /* why, by index; NULL: it can */
    size_t narrow;                 /* files that are not clearly pairs */
    size_t first_narrow;           /* of them, by name */
};

static const struct px_error no_memory = {PX_E_NOMEM, "no memory to check the pictures"};

static void note_bad(struct verdict *verdict, size_t index, const struct px_error *reason)
{
    struct px_error *copy = malloc(sizeof *copy);

    if (copy)
        *copy = *reason;
    pthread_mutex_lock(&verdict->mutex);
    verdict->bad++;
    verdict->error[index] = copy ? copy : &no_memory;
    pthread_mutex_unlock(&verdict->mutex);
}

static void note_narrow(struct verdict *verdict, size_t index)
{
    pthread_mutex_lock(&verdict->mutex);
    if (verdict->narrow++ == 0 || index < verdict->first_narrow)
        verdict->first_narrow = index;
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
        px_pair_clear(pair);
    pthread_mutex_unlock(&verdict->mutex);
}

/* The names of bad files after the first, as far as there is room. */
static void list_others(const struct px_pairs *pairs, const struct verdict *verdict, size_t first,
                        char *out, size_t room)
{
    size_t used = 0;

    out[0] = 0;
    for (size_t i = first + 1; i < pairs->count; i++) {
        const char *name = pairs->names.a.names[i];
        if (!verdict->error[i])
            continue;
        if (used + strlen(name) + 8 > room) {
            snprintf(out + used, room - used, "%s...", used ? ", " : "");
            return;
        }
        used += (size_t)snprintf(out + used, room - used, "%s%s", used ? ", " : "", name);
    }
}

/* The first file that cannot be used and why, and the names of others. */
static int complain(const struct px_pairs *pairs, const struct verdict *verdict,
                    struct px_error *err)
{
    char others[110];
    size_t first = 0;

    assert(verdict->bad > 0);
    while (!verdict->error[first])
        first++;
    const struct px_error *reason = verdict->error[first];
    const char *advice = verdict->bad == pairs->count ? "no usable pair is left"
                         : verdict->bad == 1          ? "--skip-broken leaves it out"
                                                      : "--skip-broken leaves them out";
    if (verdict->bad == 1)
        return px_fail(err, (enum px_code)reason->code, "%.400s; %s", reason->message, advice);
    list_others(pairs, verdict, first, others, sizeof others);
    return px_fail(err, (enum px_code)reason->code,
                   "%.240s (and %zu other unusable file%s: %s); %s", reason->message,
                   verdict->bad - 1, verdict->bad == 2 ? "" : "s", others, advice);
}

static int refuse_narrow(const struct px_pairs *pairs, const struct verdict *verdict,
                         struct px_error *err)
{
    size_t first = verdict->first_narrow;
    const struct px_pair_size *half = &pairs->halves[first];

    return px_fail(
        err, PX_E_USAGE,
        "%.120s: %zu of %zu pictures are not clearly pairs (%.100s has halves of %ux%u): "
        "A and B lie side by side, or in two folders such as A and B; --pairs halves "
        "splits pictures of any shape",
        pairs->source.a, verdict->narrow, pairs->count, pairs->names.a.names[first], half->width,
        half->height);
}

static bool is_stopped(const struct px_pairs *pairs)
{
    return pairs->options.stop && *pairs->options.stop;
}

static struct px_pair_size size_of(const struct px_pairs *pairs, const struct px_pair *pair)
{
    const struct px_preprocess *p = &pairs->options.pair.preprocess;

    return px_preprocess_crops(p) ? (struct px_pair_size){p->crop, p->crop}
                                  : (struct px_pair_size){pair->input.width, pair->input.height};
}

static struct px_pair_place place_of(const struct px_pairs *pairs, size_t index)
{
    return (struct px_pair_place){&pairs->source, &pairs->names, index};
}

static void check_pair(struct px_pairs *pairs, size_t index, struct verdict *verdict)
{
    const struct px_pair_place place = place_of(pairs, index);
    struct px_pair pair = {0};
    struct px_pair_seen seen = {0};
    struct px_error own = {0};
    int rc = px_pair_load(&place, &pairs->options.pair, &pair, &seen, &own);

    pairs->halves[index] = seen.half;
    if (seen.is_narrow && !pairs->options.any_shape)
        note_narrow(verdict, index);
    if (rc) {
        note_bad(verdict, index, &own);
        return;
    }
    pairs->sizes[index] = size_of(pairs, &pair);
    keep_pair(pairs, index, &pair, verdict);
}

/* Closes the gaps that broken files leave. */
static void leave_out_broken(struct px_pairs *pairs, const struct verdict *verdict)
{
    size_t kept = 0;

    for (size_t i = 0; i < pairs->count; i++) {
        if (verdict->error[i])
            continue;
        pairs->names.a.names[kept] = pairs->names.a.names[i];
        if (pairs->names.b.count)
            pairs->names.b.names[kept] = pairs->names.b.names[i];
        pairs->sizes[kept] = pairs->sizes[i];
        pairs->halves[kept] = pairs->halves[i];
        pairs->pairs[kept++] = pairs->pairs[i];
    }
    pairs->broken = verdict->bad;
    pairs->count = kept;
    assert(pairs->count > 0);
}

static int judge(struct px_pairs *pairs, const struct verdict *verdict, struct px_error *err)
{
    const struct px_pairs_options *o = &pairs->options;

    if (is_stopped(pairs))
        return px_fail(err, PX_E_INTERRUPTED, "interrupted while the pictures were checked");
    for (size_t i = 0; i < pairs->count && o->on_broken; i++)
        if (verdict->error[i])
            o->on_broken(o->closure, verdict->error[i]->message);
    if (verdict->narrow)
        return refuse_narrow(pairs, verdict, err);
    if (verdict->bad && (!o->skip_broken || verdict->bad == pairs->count))
        return complain(pairs, verdict, err);
    if (verdict->bad)
        leave_out_broken(pairs, verdict);
    return 0;
}

/* Decodes every file once, in parallel, and keeps the result if there is room. */
static int load_all(struct px_pairs *pairs, struct px_error *err)
{
    struct verdict verdict = {.mutex = PTHREAD_MUTEX_INITIALIZER};

    verdict.error = calloc(pairs->count, sizeof *verdict.error);
    pairs->pairs = calloc(pairs->count, sizeof *pairs->pairs);
    pairs->sizes = calloc(pairs->count, sizeof *pairs->sizes);
    pairs->halves = calloc(pairs->count, sizeof *pairs->halves);
    if (!verdict.error || !pairs->pairs || !pairs->sizes || !pairs->halves) {
        free(verdict.error);
        return px_fail(err, PX_E_NOMEM, "%s: no memory for the data set", pairs->source.a);
    }
    pairs->keep = true;
#pragma omp parallel for schedule(dynamic) num_threads(pairs->options.threads)
    for (size_t i = 0; i < pairs->count; i++)
        if (!is_stopped(pairs))
            check_pair(pairs, i, &verdict);
    for (size_t i = 0; i < pairs->count && !pairs->keep; i++)
        px_pair_clear(&pairs->pairs[i]);
    size_t count = pairs->count;
    int rc = judge(pairs, &verdict, err);
    for (size_t i = 0; i < count; i++)
        if (verdict.error[i] != &no_memory)
            free((void *)(uintptr_t)verdict.error[i]);
    free(verdict.error);
    return rc;
}

static int list_names(struct px_pairs *pairs, struct px_error *err)
{
    int rc = px_names_read(&pairs->names, &pairs->source, err);

    if (rc)
        return rc;
    pairs->count = pairs->names.a.count;
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
    rc = list_names(pairs, err);
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
        px_pair_clear(&pairs->pairs[i]);
    free(pairs->pairs);
    free(pairs->sizes);
    free(pairs->halves);
    px_names_clear(&pairs->names);
    free(pairs);
}

size_t px_pairs_count(const struct px_pairs *pairs)
{
    return pairs->count;
}

static uint64_t mix_bytes(uint64_t print, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + at, size - at < 8 ? size - at : 8);
        print = px_mix64(print ^ word) + size;
    }
    return print;
}

static uint64_t mix_picture(uint64_t print, const struct px_picture *picture)
{
    const void *samples = picture->data ? (const void *)picture->data : picture->deep;

    return mix_bytes(print, samples, px_picture_bytes(picture));
}

uint64_t px_pairs_fingerprint(const struct px_pairs *pairs)
{
    uint64_t print = pairs->count;

    for (size_t i = 0; i < pairs->count; i++) {
        const char *name = pairs->names.a.names[i];
        print = mix_bytes(print, name, strlen(name));
        print = mix_bytes(print, &pairs->halves[i], sizeof pairs->halves[i]);
        if (pairs->keep) {
            print = mix_picture(print, &pairs->pairs[i].input);
            print = mix_picture(print, &pairs->pairs[i].target);
        }
    }
    return print;
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
    const struct px_pair_size *sizes = pairs->sizes;

    for (size_t i = 1; i < pairs->count; i++)
        if (sizes[i].width != sizes[0].width || sizes[i].height != sizes[0].height)
            return px_fail(err, PX_E_USAGE,
                           "%s is trained on at %ux%u and %s at %ux%u: pictures of several sizes "
                           "need --batch-size 1 and --accumulate 1, or a --preprocess that crops",
                           pairs->names.a.names[0], sizes[0].width, sizes[0].height,
                           pairs->names.a.names[i], sizes[i].width, sizes[i].height);
    return 0;
}

static size_t area(const struct px_pair_size *size)
{
    return (size_t)size->width * size->height;
}

static void find_range(const struct px_pair_size *sizes, size_t count, struct px_pair_size *least,
                       struct px_pair_size *most)
{
    *least = *most = sizes[0];
    for (size_t i = 1; i < count; i++) {
        if (area(&sizes[i]) < area(least))
            *least = sizes[i];
        if (area(&sizes[i]) > area(most))
            *most = sizes[i];
    }
}

void px_pairs_describe(const struct px_pairs *pairs, struct px_pairs_found *found)
{
    *found = (struct px_pairs_found){
        .a = pairs->source.a,
        .b = pairs->source.b[0] ? pairs->source.b : NULL,
        .broken = pairs->broken,
        .others = (const char *const *)pairs->names.others.names,
        .other_count = pairs->names.others.count,
        .links = (const char *const *)pairs->names.links.names,
        .link_count = pairs->names.links.count,
    };
    find_range(pairs->halves, pairs->count, &found->smallest, &found->largest);
    find_range(pairs->sizes, pairs->count, &found->least, &found->most);
}

bool px_pairs_in_memory(const struct px_pairs *pairs)
{
    return pairs->keep;
}

int px_pairs_get(const struct px_pairs *pairs, size_t index, struct px_pair *storage,
                 const struct px_pair **pair, struct px_error *err)
{
    const struct px_pair_place place = place_of(pairs, index);
    struct px_pair_seen seen;

    assert(index < pairs->count);
    if (pairs->keep) {
        *pair = &pairs->pairs[index];
        return 0;
    }
    int rc = px_pair_load(&place, &pairs->options.pair, storage, &seen, err);
    *pair = storage;
    return rc;
}
