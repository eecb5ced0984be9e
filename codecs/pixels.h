#ifndef CODECS_PIXELS_H
#define CODECS_PIXELS_H

/* Between the rows that a decoder reads and the picture that was asked for (private to codecs/). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/codec.h"
#include "codecs/image.h"
#include "codecs/image16.h"

/* The pixels of a picture, black; *data is to be freed. INTERNAL where a side is 0 or the channels
 * are not 1-4, NOMEM. */
int px_pixels_create(void **data, const struct px_image_info *info, struct px_error *err);

/* Pixels of 1-4 channels to 1-4 channels, by the rules of codecs/codec.h: grey is
 * (19595 R + 38470 G + 7471 B + 32768) >> 16, alpha that has no place is blended over white as
 * round((c a + 255 (255 - a)) / 255) before grey is taken. in and out may not overlap. */
void px_convert_row(const uint8_t *in, uint32_t channels_in, uint8_t *out, uint32_t channels_out,
                    uint32_t width);

/* The same at 16 bits, by the same rules with 65535 for 255. */
void px_convert_row16(const uint16_t *in, uint32_t channels_in, uint16_t *out,
                      uint32_t channels_out, uint32_t width);

/* A picture being filled row by row in stored order; conversion and EXIF orientation happen on the
 * way, so that no second picture is ever held. One sink serves one thread. */
struct px_sink {
    uint8_t *data; /* upright, of the channels asked for; owned */
    uint32_t out_width, out_height, channels;
    uint32_t width, height, channels_in; /* as stored */
    bool deep;                           /* samples of 16 bits */
    ptrdiff_t origin, step_x, step_y;    /* stored (x, y) is pixel origin + x step_x + y step_y */
    uint32_t band;                       /* rows that are turned together */
    uint8_t *rows; /* (band, width) converted; NULL where rows go straight into the image. Owned */
};

struct px_header;

/* Allocates. header: size, channels, depth and orientation as stored. On failure nothing is held.
 */
int px_sink_create(struct px_sink *sink, const struct px_header *header, uint32_t channels,
                   struct px_error *err);

/* row: width pixels of channels_in channels (uint16_t, aligned, where it is deep). Every y from 0
 * to height - 1, once and in order. */
void px_sink_put(struct px_sink *sink, uint32_t y, const uint8_t *row);

/* Hands the image to the caller, as deep as it is; the sink is then empty. */
void px_sink_take(struct px_sink *sink, struct px_image *image);
void px_sink_take16(struct px_sink *sink, struct px_image16 *image);

/* Accepts an empty (zeroed) sink. */
void px_sink_destroy(struct px_sink *sink);

#endif
