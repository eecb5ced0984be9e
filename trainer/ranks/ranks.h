#ifndef TRAINER_RANKS_RANKS_H
#define TRAINER_RANKS_RANKS_H

/* The processes that train one model together, started by mpirun: `count` of them, numbered from 0.
 * MPI is in a module of its own (parts/ranks_module.c), which is opened when a launcher of MPI has
 * started this process, so that the program needs no MPI otherwise.
 *
 * Every function but open, close, index, count and fail must be called by all ranks in the same
 * order; they wait for each other. A NULL px_ranks is a process alone, rank 0 of 1, for which all
 * of them return at once. One thread. What MPI itself finds wrong, such as a rank that is gone,
 * ends all ranks. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct px_ranks;

/* *out is NULL if no launcher started this process, or only one of it. UNSUPPORTED if one did, but
 * the module is missing; the message of all but the first process is then empty. */
int px_ranks_open(struct px_ranks **out, struct px_error *err);
void px_ranks_close(struct px_ranks *ranks); /* accepts NULL; waits for the others */

/* Instead of close when the process ends because of a signal: mpirun, which got it first, no longer
 * answers what MPI would ask. */
void px_ranks_abandon(struct px_ranks *ranks);

int px_ranks_index(const struct px_ranks *ranks);
int px_ranks_count(const struct px_ranks *ranks);

/* Replaces `n` floats by the sums over all ranks, the same bytes on each. */
void px_ranks_sum(struct px_ranks *ranks, float *data, size_t n);

/* The same while other work goes on: `data` is left alone until px_ranks_wait(), or until
 * px_ranks_test() said that it is done. *sum stands for it, at any address. Not for NULL. */
void px_ranks_sum_start(struct px_ranks *ranks, float *data, size_t n, uint64_t *sum);
bool px_ranks_test(struct px_ranks *ranks, uint64_t *sum);
void px_ranks_wait(struct px_ranks *ranks, uint64_t *sum);

/* The largest value of all ranks. */
int px_ranks_max(struct px_ranks *ranks, int value);

/* Whether all ranks have the same value. */
bool px_ranks_same(struct px_ranks *ranks, uint64_t value);

/* Gives every rank the bytes of rank 0. */
void px_ranks_share(struct px_ranks *ranks, void *data, size_t size);

/* Ends all ranks with this status. Returns only for NULL. */
void px_ranks_fail(struct px_ranks *ranks, int status);

#endif
