#ifndef TRAINER_TOGETHER_H
#define TRAINER_TOGETHER_H

/* How ranks stay together: nobody goes on where another cannot. All ranks call these in the same
 * order; with ranks NULL they do nothing. */

#include <stdint.h>

#include "base/error.h"
#include "trainer/data/pairs.h"
#include "trainer/ranks/ranks.h"
#include "trainer/settings/settings.h"

/* After something that each rank did for itself, with the result `rc`: 0 if all are done. A rank
 * that failed gets its own result and message back. The others get the same code with an empty
 * message: there is nothing to say twice. If several failed, the first has the word. */
int px_together_done(struct px_ranks *ranks, int rc, struct px_error *err);

/* USAGE if the ranks do not see the same pairs, by their names and sizes, or have other options. */
int px_together_check(struct px_ranks *ranks, const struct px_train_settings *settings,
                      const struct px_pairs *pairs, struct px_error *err);

/* UNSUPPORTED if the ranks have gradients in unlike layouts, which cannot be summed. layouts:
 * px_gan_layouts(). */
int px_together_check_layouts(struct px_ranks *ranks, uint64_t layouts, struct px_error *err);

#endif
