#ifndef TRAINER_DATA_FEED_H
#define TRAINER_DATA_FEED_H

/* The batches of a training in their order, prepared ahead of the consumer by background threads,
 * so that a step does not wait for decoding or cropping. What a step gets depends on (seed, step)
 * alone, not on the number of threads.
 *
 * An epoch visits every pair once in a fresh random order; its last batch holds what is left, as
 * the reference's. One consumer thread. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "trainer/data/batch.h"
#include "trainer/data/pairs.h"

struct px_feed;

struct px_feed_options {
    const struct px_pairs *pairs; /* borrowed until px_feed_destroy() */
    uint32_t crop_size;           /* 0: the pairs are not cropped; a batch must be of one size */
    uint32_t input_nc, output_nc;
    uint32_t batch_size;  /* at least 1; of all ranks together */
    uint32_t rank, ranks; /* which share of each batch, of how many; 0 of 0 is all of it */
    bool flip;
    bool serial; /* the order of names in every epoch */
    int threads; /* that prepare, >= 1; one is enough if the pairs are in memory */
    uint64_t seed;
    int64_t first_step, end_step; /* steps [first, end) of the training, counted from 0 */
};

int64_t px_feed_steps_per_epoch(const struct px_feed_options *options);

int px_feed_create(struct px_feed **out, const struct px_feed_options *options,
                   struct px_error *err);
void px_feed_destroy(struct px_feed *feed); /* stops its threads; accepts NULL */

/* The next step's batch, valid until the next call: batch_size pairs, or fewer at the end of an
 * epoch; of several ranks each gets a share of them in their order, or, if there are too few for
 * it, one pair that does not count. At most end - first calls. Fails if a file could not be read.
 */
int px_feed_next(struct px_feed *feed, struct px_train_batch *batch, struct px_error *err);

#endif
