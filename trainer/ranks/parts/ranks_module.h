#ifndef TRAINER_RANKS_PARTS_RANKS_MODULE_H
#define TRAINER_RANKS_PARTS_RANKS_MODULE_H

/* What the module for MPI gives: one symbol, px_ranks_module. Its functions have the contracts of
 * trainer/ranks/ranks.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct px_ranks_module {
    void (*start)(int *index, int *count);
    void (*stop)(void);
    void (*sum)(float *data, size_t n);
    void (*sum_start)(float *data, size_t n, uint64_t *sum);
    bool (*test)(uint64_t *sum);
    void (*wait)(uint64_t *sum);
    int (*max)(int value);
    bool (*same)(uint64_t value);
    void (*share)(void *data, size_t size);
    void (*fail)(int status);
};

#define PX_RANKS_MODULE_NAME "pix2pix-mpi.so"

extern const struct px_ranks_module px_ranks_module;

#endif
