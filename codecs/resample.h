#ifndef CODECS_RESAMPLE_H
#define CODECS_RESAMPLE_H

/* The two passes of a resize, in integers (private to codecs/). Bit-exact whatever the machine:
 * the sums are exact in 32 bits, so their order does not matter. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/image.h"

enum {
    PX_FILTER_BITS = 22, /* fixed point of the taps: 8 bits of pixel and 2 of overshoot remain */
    PX_FILTER_PAD = 8,   /* taps of a position are padded with zeros to a multiple of this */
};

struct px_span {
    uint32_t first, count; /* first + count <= in */
};

/* How `in` pixels of a line become `out`. */
struct px_filter {
    uint32_t in, out;
    size_t stride;         /* taps a position, a multiple of PX_FILTER_PAD */
    int32_t *taps;         /* (out, stride); owned */
    struct px_span *spans; /* (out) */
};

/* Pillow's bicubic filter; in resize.c. The caller destroys it. NOMEM. */
int px_filter_create(struct px_filter *filter, uint32_t in, uint32_t out, struct px_error *err);
void px_filter_destroy(struct px_filter *filter);

/* Every row on its own: out is (in->height, filter->out). NOMEM for the scratch row. */
int px_resample_rows(const struct px_image *in, const struct px_filter *filter,
                     struct px_image *out, struct px_error *err);

/* Every column on its own: out is (filter->out, in->width). */
void px_resample_columns(const struct px_image *in, const struct px_filter *filter,
                         struct px_image *out);

#endif
