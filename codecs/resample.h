#ifndef CODECS_RESAMPLE_H
#define CODECS_RESAMPLE_H

/* The two passes of a resize, in integers (private to codecs/). Bit-exact on every machine: the
 * sums are exact in 32 bits, so their order does not matter. Stateless and thread-safe. */

#include "base/error.h"
#include "codecs/filter.h"
#include "codecs/image.h"

/* Every row on its own: in is (height, filter->in), out (height, filter->out), of equal channels.
 * NOMEM for the scratch row. */
int px_resample_rows(const struct px_image *in, const struct px_filter *filter,
                     struct px_image *out, struct px_error *err);

/* Every column on its own: in is (filter->in, width), out (filter->out, width). */
void px_resample_columns(const struct px_image *in, const struct px_filter *filter,
                         struct px_image *out);

#endif
