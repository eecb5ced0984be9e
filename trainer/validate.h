#ifndef TRAINER_VALIDATE_H
#define TRAINER_VALIDATE_H

/* How good the generator is on pairs that it is measured with: each input goes through it as at
 * test (norm on the image's own statistics, without dropout), and the output is compared with the
 * target as 8-bit pictures. Nothing of the training changes. */

#include <stdatomic.h>
#include <stddef.h>

#include "base/error.h"
#include "codecs/quality.h"
#include "trainer/data/pairs.h"
#include "trainer/nn/gan.h"

struct px_validation;

/* `pairs` (borrowed) are each of a size that the network takes, and PX_QUALITY_MIN_SIDE at least.
 * Once *stop (borrowed) is not 0, px_validation_run() fails with INTERRUPTED. */
int px_validation_create(struct px_validation **out, const struct px_pairs *pairs,
                         const struct px_network *network, const atomic_int *stop,
                         struct px_error *err);
void px_validation_destroy(struct px_validation *validation); /* accepts NULL */

/* Called with every pair and what the generator made of it, in order. */
typedef void px_validation_see(void *closure, size_t index, const struct px_image *input,
                               const struct px_image *output, const struct px_image *target);

/* Writes the means over the pairs; a pair that is met exactly counts PX_VALIDATION_MAX_PSNR dB.
 * `see` may be NULL. */
enum { PX_VALIDATION_MAX_PSNR = 100 };
int px_validation_run(struct px_validation *validation, struct px_gan *gan, px_validation_see *see,
                      void *closure, struct px_quality *mean, struct px_error *err);

#endif
