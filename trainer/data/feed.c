#include "trainer/data/feed.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "trainer/data/augment.h"

/* Slot s holds step s modulo the number of slots, one more than there are threads. `mutex` guards
 * the states, next_fill and stop; the floats of a slot belong to the thread that fills it, then,
 * while it is full, to the consumer. */
enum slot_state { SLOT_EMPTY, SLOT_FILLING, SLOT_FULL };

struct slot {
    float *input, *target; /* for pictures of the largest size */
    uint32_t width, height, count, total;
    bool idle;
    enum slot_state state;
    struct px_error err; /* err.code: this batch could not be read */
};

struct feed_worker {
    struct px_feed *feed;
    pthread_t thread;
    uint32_t *order;     /* of the epoch that it is in */
    int64_t order_epoch; /* from 0; -1: none yet */
};

struct px_feed {
    struct px_feed_options options;
    int64_t steps_per_epoch;
    struct slot *slots;
    struct feed_worker *workers;
    int worker_count, slot_count, started;
    int64_t next_fill; /* step that the next free thread takes */
    int64_t next;      /* step that the consumer asks for next */
    bool stop;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

int64_t px_feed_steps_per_epoch(const struct px_feed_options *options)
{
    int64_t count = (int64_t)px_pairs_count(options->pairs);

    return (count + options->batch_size - 1) / options->batch_size;
}

static void order_epoch(struct feed_worker *worker, int64_t epoch)
{
    const struct px_feed_options *o = &worker->feed->options;
    uint32_t count = (uint32_t)px_pairs_count(o->pairs);

    if (epoch == worker->order_epoch)
        return;
    worker->order_epoch = epoch;
    if (!o->serial)
        px_augment_order(o->seed, (uint64_t)epoch, worker->order, count);
    for (uint32_t i = 0; o->serial && i < count; i++)
        worker->order[i] = i;
}

/* What a picture can be moved by; the halves of a picture of odd width differ by a pixel. */
static uint32_t room(uint32_t a, uint32_t b, uint32_t taken)
{
    return (a < b ? a : b) - taken;
}

/* Puts a pair into its place in the batch. */
static void put(struct px_feed *feed, struct slot *slot, const struct px_pair *pair,
                uint64_t sample, uint32_t place)
{
    const struct px_feed_options *o = &feed->options;
    uint32_t width = o->crop_size ? o->crop_size : pair->input.width;
    uint32_t height = o->crop_size ? o->crop_size : pair->input.height;
    size_t pixels = (size_t)width * height;
    const struct px_augment_slack space = {
        .x = room(pair->input.width, pair->target.width, width),
        .y = room(pair->input.height, pair->target.height, height),
        .flip = o->flip};
    struct px_augment augment = px_augment_draw(o->seed, sample, &space);

    px_augment_apply(&augment, &pair->input, width, height,
                     slot->input + place * pixels * o->input_nc);
    px_augment_apply(&augment, &pair->target, width, height,
                     slot->target + place * pixels * o->output_nc);
    slot->width = width;
    slot->height = height;
}

/* Which of a batch's pictures are this rank's: returns the first, and sets the slot's count. */
static uint32_t take_share(const struct px_feed_options *o, struct slot *slot)
{
    uint64_t total = slot->total, ranks = o->ranks > 1 ? o->ranks : 1, rank = o->rank;
    uint32_t first = (uint32_t)(total * rank / ranks);
    uint32_t end = (uint32_t)(total * (rank + 1) / ranks);

    slot->idle = first == end;
    slot->count = slot->idle ? 1 : end - first;
    return slot->idle ? 0 : first;
}

static int fill(struct feed_worker *worker, int64_t step, struct slot *slot)
{
    struct px_feed *feed = worker->feed;
    const struct px_feed_options *o = &feed->options;
    size_t place = (size_t)(step % feed->steps_per_epoch) * o->batch_size;
    size_t left = px_pairs_count(o->pairs) - place;

    slot->total = left < o->batch_size ? (uint32_t)left : o->batch_size;
    uint32_t first = take_share(o, slot);
    order_epoch(worker, step / feed->steps_per_epoch);
    for (uint32_t i = 0; i < slot->count; i++) {
        struct px_pair storage = {0};
        const struct px_pair *pair;
        uint32_t of_step = first + i;
        int rc =
            px_pairs_get(o->pairs, worker->order[place + of_step], &storage, &pair, &slot->err);
        if (rc)
            return rc;
        put(feed, slot, pair, (uint64_t)step * o->batch_size + of_step, i);
        px_pair_clear(&storage);
    }
    return 0;
}

/* Takes the next step as soon as its slot is empty; NULL at the end. With the mutex held. */
static struct slot *take(struct px_feed *feed, int64_t *step)
{
    for (;;) {
        if (feed->stop || feed->next_fill == feed->options.end_step)
            return NULL;
        struct slot *slot = &feed->slots[feed->next_fill % feed->slot_count];
        if (slot->state == SLOT_EMPTY) {
            slot->state = SLOT_FILLING;
            *step = feed->next_fill++;
            return slot;
        }
        pthread_cond_wait(&feed->changed, &feed->mutex);
    }
}

static void *work(void *arg)
{
    struct feed_worker *worker = arg;
    struct px_feed *feed = worker->feed;
    struct slot *slot;
    int64_t step;

    pthread_mutex_lock(&feed->mutex);
    while ((slot = take(feed, &step)) != NULL) {
        pthread_mutex_unlock(&feed->mutex);
        int rc = fill(worker, step, slot);
        pthread_mutex_lock(&feed->mutex);
        slot->state = SLOT_FULL;
        if (rc)
            feed->stop = true; /* the consumer gets as far as this step */
        pthread_cond_broadcast(&feed->changed);
    }
    pthread_mutex_unlock(&feed->mutex);
    return NULL;
}

static int allocate(struct px_feed *feed, struct px_error *err)
{
    const struct px_feed_options *o = &feed->options;
    size_t area = px_pairs_pixels(o->pairs), count = px_pairs_count(o->pairs);
    size_t input_bytes, target_bytes;
    uint32_t most = o->ranks > 1 ? o->batch_size / o->ranks + 1 : o->batch_size;

    if (!px_mul(area * o->input_nc * sizeof(float), most, &input_bytes) ||
        !px_mul(area * o->output_nc * sizeof(float), most, &target_bytes))
        return px_fail(err, PX_E_NOMEM, "a batch of %u pictures is too large", o->batch_size);
    feed->slots = calloc((size_t)feed->slot_count, sizeof *feed->slots);
    feed->workers = calloc((size_t)feed->worker_count, sizeof *feed->workers);
    bool complete = feed->slots && feed->workers;
    for (int s = 0; complete && s < feed->slot_count; s++) {
        feed->slots[s].input = malloc(input_bytes);
        feed->slots[s].target = malloc(target_bytes);
        complete = feed->slots[s].input && feed->slots[s].target;
    }
    for (int w = 0; complete && w < feed->worker_count; w++) {
        feed->workers[w] = (struct feed_worker){.feed = feed, .order_epoch = -1};
        feed->workers[w].order = malloc(count * sizeof *feed->workers[w].order);
        complete = feed->workers[w].order != NULL;
    }
    return complete ? 0 : px_fail(err, PX_E_NOMEM, "no memory for batches of %u", o->batch_size);
}

int px_feed_create(struct px_feed **out, const struct px_feed_options *options,
                   struct px_error *err)
{
    struct px_feed *feed = calloc(1, sizeof *feed);

    if (!feed)
        return px_fail(err, PX_E_NOMEM, "no memory for batches");
    feed->options = *options;
    feed->steps_per_epoch = px_feed_steps_per_epoch(options);
    feed->next = feed->next_fill = options->first_step;
    feed->worker_count = px_pairs_in_memory(options->pairs) ? 1 : options->threads;
    feed->slot_count = feed->worker_count + 1;
    pthread_mutex_init(&feed->mutex, NULL);
    pthread_cond_init(&feed->changed, NULL);
    int rc = allocate(feed, err);
    while (!rc && feed->started < feed->worker_count) {
        struct feed_worker *worker = &feed->workers[feed->started];
        if (pthread_create(&worker->thread, NULL, work, worker) == 0)
            feed->started++;
        else
            rc = px_fail(err, PX_E_NOMEM, "cannot start a thread that loads pictures");
    }
    if (rc) {
        px_feed_destroy(feed);
        return rc;
    }
    *out = feed;
    return 0;
}

void px_feed_destroy(struct px_feed *feed)
{
    if (!feed)
        return;
    pthread_mutex_lock(&feed->mutex);
    feed->stop = true;
    pthread_cond_broadcast(&feed->changed);
    pthread_mutex_unlock(&feed->mutex);
    for (int w = 0; w < feed->started; w++)
        pthread_join(feed->workers[w].thread, NULL);
    for (int w = 0; feed->workers && w < feed->worker_count; w++)
        free(feed->workers[w].order);
    for (int s = 0; feed->slots && s < feed->slot_count; s++) {
        free(feed->slots[s].input);
        free(feed->slots[s].target);
    }
    pthread_cond_destroy(&feed->changed);
    pthread_mutex_destroy(&feed->mutex);
    free(feed->workers);
    free(feed->slots);
    free(feed);
}

int px_feed_next(struct px_feed *feed, struct px_train_batch *batch, struct px_error *err)
{
    struct slot *slot = &feed->slots[feed->next % feed->slot_count];

    assert(feed->next < feed->options.end_step);
    pthread_mutex_lock(&feed->mutex);
    if (feed->next > feed->options.first_step) { /* the consumer is done with the one before */
        feed->slots[(feed->next - 1) % feed->slot_count].state = SLOT_EMPTY;
        pthread_cond_broadcast(&feed->changed);
    }
    while (slot->state != SLOT_FULL)
        pthread_cond_wait(&feed->changed, &feed->mutex);
    pthread_mutex_unlock(&feed->mutex);
    feed->next++;
    if (slot->err.code)
        return px_fail(err, (enum px_code)slot->err.code, "%s", slot->err.message);
    assert(slot->count > 0 && slot->width > 0 && slot->height > 0);
    *batch = (struct px_train_batch){.input = slot->input,
                                     .target = slot->target,
                                     .count = (int)slot->count,
                                     .total = (int)slot->total,
                                     .idle = slot->idle,
                                     .height = (int)slot->height,
                                     .width = (int)slot->width};
    return 0;
}
