#ifndef CODECS_PNG_UNFILTER_H
#define CODECS_PNG_UNFILTER_H

/* The row filters of PNG, undone (private to codecs/). Stateless and thread-safe. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes behind the end of each row that must be there: they are read, or written with anything. */
enum { PX_PNG_ROW_SLACK = 4 };

struct px_png_row {
    const uint8_t *in;    /* the filter's number, then `stride` bytes */
    const uint8_t *above; /* the row above as it was before filters; zeros for the first */
    uint8_t *out;         /* `stride` bytes; not `in` and not `above` */
    size_t stride;
    size_t pixel; /* bytes of a pixel, 1-4 */
};

/* False if the filter does not exist; `out` is then untouched. */
bool px_png_unfilter(const struct px_png_row *row);

/* Two rows, one below the other: lower->above is upper->out. Faster than each alone if both have
 * the filter Paeth. False if one of the filters does not exist. No two of the five rows overlap. */
bool px_png_unfilter_pair(const struct px_png_row *upper, const struct px_png_row *lower);

#endif
