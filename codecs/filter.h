#ifndef CODECS_FILTER_H
#define CODECS_FILTER_H

/* The coefficients of Pillow's bicubic filter for one direction of a resize (private to codecs/):
 * which input pixels make an output pixel, and how much each counts. a = -0.5; the support is
 * widened when scaling down. To the last bit those of Pillow, in fixed point. Constant after init:
 * any number of threads. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    PX_FILTER_BITS = 22, /* fixed point of the taps: 8 bits of pixel and 2 of overshoot remain */
    PX_FILTER_PAD = 8,   /* the taps of a position are padded with zeros to a multiple of this */
};

struct px_filter_range {
    uint32_t first, count; /* first + count <= in */
};

/* How `in` pixels of a line become `out`. */
struct px_filter {
    uint32_t in, out;
    size_t stride;                  /* taps per position, a multiple of PX_FILTER_PAD */
    int32_t *taps;                  /* (out, stride); owned */
    struct px_filter_range *ranges; /* (out); owned */
};

/* INVALID if a picture cannot be resized to width x height: a side must be 1..65535. */
int px_filter_check(uint32_t width, uint32_t height, struct px_error *err);

/* in, out: 1..65535. NOMEM; nothing is held then. */
int px_filter_init(struct px_filter *filter, uint32_t in, uint32_t out, struct px_error *err);
void px_filter_clear(struct px_filter *filter);

#endif
