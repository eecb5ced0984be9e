#ifndef TRAINER_DATA_PAIRS_H
#define TRAINER_DATA_PAIRS_H

/* The data set: PNG and JPEG files, each holding A (left half) and B (right half) side by side, or
 * in two folders (trainer/data/parts/listing.h). Every file is decoded once in
 * px_pairs_open(), so that a broken one is reported before the first step. Both pictures are scaled
 * as trainer/data/preprocess.h says and kept, where the whole set fits the memory limit; else each
 * is decoded again whenever it is asked for. PNGs of 16 bits are kept as such.
 *
 * Immutable once open; any number of threads may read. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "trainer/data/picture.h"
#include "trainer/data/preprocess.h"
#include "trainer/data/source.h"

struct px_pairs;

struct px_pairs_options {
    struct px_preprocess preprocess;
    bool central; /* where it crops: only the middle crop x crop of each picture, for measuring */
    uint32_t input_nc, output_nc; /* channels of the input and of the target, 1-4 */
    bool b_to_a;                  /* the right half is the input */
    int64_t max_count;            /* the first so many files in the order of names; 0: all */
    size_t memory_limit;          /* bytes of pixels kept */
    int threads;                  /* that decode while opening */
    const atomic_int *stop;       /* ends that (INTERRUPTED) when it becomes nonzero; or NULL */
};

/* Where it crops each is at least a crop, else both are of one size. Zeroed: empty. */
struct px_pair {
    struct px_picture input, target;
};

void px_pair_destroy(struct px_pair *pair); /* accepts NULL and an empty one */

/* Failures: NOT_FOUND where the folder is missing or holds no picture; else the first file (in the
 * order of names) that cannot be used and why, with the names of others. */
int px_pairs_open(struct px_pairs **out, const struct px_source *source,
                  const struct px_pairs_options *options, struct px_error *err);
void px_pairs_close(struct px_pairs *pairs); /* accepts NULL */

size_t px_pairs_count(const struct px_pairs *pairs);

/* Pixels of the largest picture that is trained on: of a crop, where it crops. */
size_t px_pairs_pixels(const struct px_pairs *pairs);

/* USAGE with two names where not all pictures are trained on at one size. */
int px_pairs_check_one_size(const struct px_pairs *pairs, struct px_error *err);

bool px_pairs_in_memory(const struct px_pairs *pairs);

/* Points *pair at a pair: inside `pairs` where it is kept, else at *storage, which must be empty
 * before and is the caller's to destroy afterwards in either case. */
int px_pairs_get(const struct px_pairs *pairs, size_t index, struct px_pair *storage,
                 const struct px_pair **pair, struct px_error *err);

#endif
