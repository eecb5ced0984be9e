#ifndef TRAINER_DATA_PAIRS_H
#define TRAINER_DATA_PAIRS_H

/* The data set: PNG and JPEG files, each holding A (left half) and B (right half) side by side, or
 * in two folders (pairs/source.h). Every file is decoded once in px_pairs_open(), so that a
 * broken one is reported before the first step. Both pictures are scaled as
 * trainer/data/preprocess.h says and kept if the whole set fits the memory limit; otherwise each is
 * decoded again whenever it is asked for. PNGs of 16 bits are kept as such.
 *
 * Immutable once open; any number of threads may read. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "pairs/source.h"
#include "trainer/data/pair.h"

struct px_pairs;

struct px_pairs_options {
    struct px_pair_options pair;
    bool any_shape;      /* split files of any shape in halves */
    bool skip_broken;    /* leave out what cannot be read instead of failing */
    int64_t max_count;   /* use only the first files by name; 0: all */
    size_t memory_limit; /* bytes of pixels kept */
    int threads;         /* that decode while opening */

    /* Opening ends (INTERRUPTED) when this becomes nonzero; or NULL. */
    const atomic_int *stop;

    /* Is called with the name and fault of each file that cannot be used, in the order of names,
     * by the thread that opens; or NULL. */
    void (*on_broken)(void *closure, const char *message);
    void *closure;
};

/* NOT_FOUND if the folder is missing or holds no picture. USAGE if files are to be split in halves
 * whose shape shows that they are not clearly pairs, less than 1.9 times as wide as high, unless
 * any_shape. Otherwise the first file by name that cannot be used and why, with the names of
 * others; with skip_broken only if all are broken. */
int px_pairs_open(struct px_pairs **out, const struct px_source *source,
                  const struct px_pairs_options *options, struct px_error *err);
void px_pairs_close(struct px_pairs *pairs); /* accepts NULL */

size_t px_pairs_count(const struct px_pairs *pairs);

/* A number that depends on the names and sizes of all pairs, and on their pixels if they are kept.
 */
uint64_t px_pairs_fingerprint(const struct px_pairs *pairs);

/* Pixels of the largest picture that is trained on; of a crop, if it crops. */
size_t px_pairs_pixels(const struct px_pairs *pairs);

/* What was found. */
struct px_pairs_found {
    const char *a, *b; /* folders; b is NULL if each file holds A and B side by side */
    struct px_pair_size smallest, largest; /* of A or B as stored, by area */
    struct px_pair_size least, most;       /* the same as it is trained on */
    size_t broken;                         /* files left out because they cannot be read */
    const char *const *others;             /* paths of pictures that are neither PNG nor JPEG */
    size_t other_count;
    const char *const *links; /* paths of linked folders, which are not followed */
    size_t link_count;
};

/* Valid as long as the pairs. */
void px_pairs_describe(const struct px_pairs *pairs, struct px_pairs_found *found);

/* USAGE with two names if not all pictures are trained on at one size. */
int px_pairs_check_one_size(const struct px_pairs *pairs, struct px_error *err);

bool px_pairs_in_memory(const struct px_pairs *pairs);

/* Points *pair at a pair: inside `pairs` if it is kept, otherwise at *storage, which must be empty
 * before and is the caller's to clear afterwards in either case. */
int px_pairs_get(const struct px_pairs *pairs, size_t index, struct px_pair *storage,
                 const struct px_pair **pair, struct px_error *err);

#endif
