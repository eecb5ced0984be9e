#ifndef CODECS_SINK_H
#define CODECS_SINK_H

/* Between the rows that a decoder reads and the picture that was asked for (private to codecs/): a
 * picture that is filled row by row in stored order. Channels are converted and the EXIF
 * orientation is applied on the way, so that no second picture is ever held.
 *
 * init, then put every row, then image or image16; clear at any time. One thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/format.h"
#include "codecs/image.h"

struct px_sink {
    uint8_t *data; /* upright, of the channels asked for; owned */
    uint32_t out_width, out_height, channels;
    uint32_t width, height, channels_in; /* as stored */
    uint32_t next;                       /* row to be put */
    bool deep;                           /* samples of 16 bits */
    ptrdiff_t origin, step_x, step_y;    /* stored (x, y) is pixel origin + x step_x + y step_y */
    uint32_t band;                       /* rows that are turned together */
    uint8_t *rows; /* (band, width) converted, owned; NULL if rows go straight into the image */
};

/* Allocates the picture. header: size, channels, depth and orientation (1-8) as stored. channels:
 * 1-4, of the picture. NOMEM; the sink is then empty. */
int px_sink_init(struct px_sink *sink, const struct px_header *header, uint32_t channels,
                 struct px_error *err);

/* row: width pixels of channels_in channels (uint16_t, aligned, if the header is deep). Every y
 * from 0 to height - 1, once and in order. */
void px_sink_put(struct px_sink *sink, uint32_t y, const uint8_t *row);

/* Hand the finished picture to the caller, by the header's depth; the sink is then empty. */
void px_sink_image(struct px_sink *sink, struct px_image *image);
void px_sink_image16(struct px_sink *sink, struct px_image16 *image);

/* Frees what the sink holds; accepts an empty (zeroed) sink. */
void px_sink_clear(struct px_sink *sink);

#endif
