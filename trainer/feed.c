#include "trainer/feed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "trainer/augment.h"

/* Slot s holds step s modulo 2. The thread fills a slot while it is not full; the consumer empties
 * it by asking for the next one. `mutex` guards full, stop and (until full) nothing else: the
 * floats of a slot belong to the thread while it is empty, to the consumer while it is full. */
struct slot {
    float *input, *target;
    bool full;
    struct px_error err; /* err.code: this batch could not be read */
};

struct px_feed {
    struct px_feed_options options;
    int64_t steps_per_epoch;
    size_t input_floats, target_floats; /* of one picture */
    uint32_t *order;                    /* of the epoch that the thread is in */
    int64_t order_epoch;                /* from 0; -1: none yet */
    struct slot slots[2];
    int64_t next; /* step that the consumer asks for next */
    bool started, stop;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

int64_t px_feed_steps_per_epoch(const struct px_feed_options *options)
{
    return (int64_t)px_pairs_count(options->pairs) / options->batch_size;
}

static int fill(struct px_feed *feed, int64_t step, struct slot *slot)
{
    const struct px_feed_options *o = &feed->options;
    int64_t epoch = step / feed->steps_per_epoch;
    size_t place = (size_t)(step % feed->steps_per_epoch) * o->batch_size;

    if (epoch != feed->order_epoch) {
        px_augment_order(o->seed, (uint64_t)epoch, feed->order, (uint32_t)px_pairs_count(o->pairs));
        feed->order_epoch = epoch;
    }
    for (uint32_t i = 0; i < o->batch_size; i++) {
        struct px_pair storage = {0};
        const struct px_pair *pair;
        int rc = px_pairs_get(o->pairs, feed->order[place + i], &storage, &pair, &slot->err);
        if (rc)
            return rc;
        uint64_t sample = (uint64_t)step * o->batch_size + i;
        struct px_augment augment =
            px_augment_draw(o->seed, sample, o->load_size, o->crop_size, o->flip);
        px_augment_apply(&augment, &pair->input, o->crop_size,
                         slot->input + i * feed->input_floats);
        px_augment_apply(&augment, &pair->target, o->crop_size,
                         slot->target + i * feed->target_floats);
        px_pair_destroy(&storage);
    }
    return 0;
}

static void *run(void *arg)
{
    struct px_feed *feed = arg;

    for (int64_t step = feed->options.first_step; step < feed->options.end_step; step++) {
        struct slot *slot = &feed->slots[step % 2];
        pthread_mutex_lock(&feed->mutex);
        while (slot->full && !feed->stop)
            pthread_cond_wait(&feed->changed, &feed->mutex);
        bool stop = feed->stop;
        pthread_mutex_unlock(&feed->mutex);
        if (stop)
            break;
        int rc = fill(feed, step, slot);
        pthread_mutex_lock(&feed->mutex);
        slot->full = true;
        pthread_cond_signal(&feed->changed);
        pthread_mutex_unlock(&feed->mutex);
        if (rc)
            break;
    }
    return NULL;
}

static int allocate(struct px_feed *feed, struct px_error *err)
{
    const struct px_feed_options *o = &feed->options;
    size_t area = (size_t)o->crop_size * o->crop_size;
    size_t input_bytes, target_bytes;

    feed->input_floats = area * o->input_nc;
    feed->target_floats = area * o->output_nc;
    if (!px_mul(feed->input_floats * sizeof(float), o->batch_size, &input_bytes) ||
        !px_mul(feed->target_floats * sizeof(float), o->batch_size, &target_bytes))
        return px_fail(err, PX_E_NOMEM, "a batch of %u pictures is too large", o->batch_size);
    feed->order = malloc(px_pairs_count(o->pairs) * sizeof *feed->order);
    bool complete = feed->order != NULL;
    for (int s = 0; s < 2; s++) {
        feed->slots[s].input = malloc(input_bytes);
        feed->slots[s].target = malloc(target_bytes);
        complete = complete && feed->slots[s].input && feed->slots[s].target;
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
    feed->order_epoch = -1;
    feed->next = options->first_step;
    pthread_mutex_init(&feed->mutex, NULL);
    pthread_cond_init(&feed->changed, NULL);
    int rc = allocate(feed, err);
    if (!rc && pthread_create(&feed->thread, NULL, run, feed) != 0)
        rc = px_fail(err, PX_E_NOMEM, "cannot start the thread that loads pictures");
    if (rc) {
        px_feed_destroy(feed);
        return rc;
    }
    feed->started = true;
    *out = feed;
    return 0;
}

void px_feed_destroy(struct px_feed *feed)
{
    if (!feed)
        return;
    if (feed->started) {
        pthread_mutex_lock(&feed->mutex);
        feed->stop = true;
        pthread_cond_signal(&feed->changed);
        pthread_mutex_unlock(&feed->mutex);
        pthread_join(feed->thread, NULL);
    }
    for (int s = 0; s < 2; s++) {
        free(feed->slots[s].input);
        free(feed->slots[s].target);
    }
    free(feed->order);
    pthread_cond_destroy(&feed->changed);
    pthread_mutex_destroy(&feed->mutex);
    free(feed);
}

int px_feed_next(struct px_feed *feed, const float **input, const float **target,
                 struct px_error *err)
{
    struct slot *slot = &feed->slots[feed->next % 2];

    pthread_mutex_lock(&feed->mutex);
    if (feed->next > feed->options.first_step) { /* the batch handed out before is done with */
        feed->slots[(feed->next + 1) % 2].full = false;
        pthread_cond_signal(&feed->changed);
    }
    while (!slot->full)
        pthread_cond_wait(&feed->changed, &feed->mutex);
    pthread_mutex_unlock(&feed->mutex);
    feed->next++;
    if (slot->err.code)
        return px_fail(err, (enum px_code)slot->err.code, "%s", slot->err.message);
    *input = slot->input;
    *target = slot->target;
    return 0;
}
