#ifndef TRAINER_RANKS_OUTLET_H
#define TRAINER_RANKS_OUTLET_H

/* What the first rank prints. Once mpirun was asked to stop, it reads no more output, and a write
 * to it may wait for ever. So a thread writes, and whoever prints waits for that thread only until
 * a stop is requested; from then on, what does not fit into 32 KiB is lost. One thread prints. */

#include <stdatomic.h>
#include <stdio.h>

#include "base/error.h"

struct px_outlet;

/* Writes to `fd` until *stop is not 0. NOMEM, INTERNAL. */
int px_outlet_open(struct px_outlet **out, int fd, const atomic_int *stop, struct px_error *err);

/* To print to; it is no terminal. Belongs to the outlet. */
FILE *px_outlet_stream(struct px_outlet *outlet);

/* Writes what is left, after a stop for a fifth of a second at most; a thread that still waits then
 * is abandoned, with a copy of what it writes. Accepts NULL. */
void px_outlet_close(struct px_outlet *outlet);

#endif
