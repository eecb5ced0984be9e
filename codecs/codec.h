#ifndef CODECS_CODEC_H
#define CODECS_CODEC_H

/* Bytes <-> pixels: PNG (libpng, ISA-L) and JPEG (libjpeg-turbo). Stateless and thread-safe.
 *
 * Decoding reads every PNG (all colour types and depths, 16 bits rounded to 8, interlaced, tRNS)
 * and JPEG (baseline, progressive, grey, YCbCr, RGB, CMYK and YCCK; not arithmetic-coded, lossless
 * or of 12 bits), applies the EXIF orientation (the first block of a JPEG, eXIf before the pixels
 * of a PNG), and gives the number of channels asked for, as Pillow's convert() does: 3 blends alpha
 * over white; 1 is (19595 R + 38470 G + 7471 B + 32768) >> 16; 2 and 4 keep alpha (255 if the file
 * has none). CMYK is taken as stored inverted, Adobe's way, with or without its marker, as Pillow
 * and browsers do: R = k - round((255 - c) k / 255) of the stored bytes.
 *
 * The size that the header declares is checked before any pixel is allocated. A picture whose
 * pixels are truncated or damaged is an error (UNPROCESSABLE), never half grey: wrong entropy data,
 * a missing restart marker, a wrong Adler-32, a wrong CRC of IHDR, PLTE, tRNS or IDAT, a missing
 * end. Faults that cannot change a pixel are accepted, as viewers do: in a JPEG bytes between
 * segments and before the end, odd scan parameters of a sequential one, unknown JFIF revisions and
 * Adobe transforms; in a PNG a wrong CRC, name or content of any other ancillary chunk (such an
 * eXIf does not turn the picture) and a wrong CRC of IEND; in both anything after the end. Encoding
 * writes no metadata. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "codecs/image.h"

enum px_format { PX_FORMAT_NONE, PX_FORMAT_PNG, PX_FORMAT_JPEG };

struct px_decode_limits {
    uint64_t max_pixels; /* width * height; 0: the default, 50,000,000 */
    uint32_t max_side;   /* 0: the default, 16,384 */
    bool as_stored; /* ignore the EXIF orientation: for pairs A|B, which it would swap or cut */
};

/* What the header of a picture declares. Width and height are those after the EXIF orientation,
 * unless px_decode_limits.as_stored ignores it. */
struct px_image_info {
    enum px_format format;
    uint32_t width, height;
    uint32_t channels; /* as stored, 1-4: a palette is 3, or 4 with transparency; CMYK is 4 */
    int bits;          /* per sample: 16, or 8 for 8 and less */
};

/* The format that the first bytes show, or PX_FORMAT_NONE. */
enum px_format px_sniff(struct px_span file);

/* "1.6.39", of the library that runs; and of libjpeg-turbo and ISA-L, "2.1.5" and "2.30.0", of the
 * headers that this was compiled with. */
const char *px_png_version(void);
const char *px_jpeg_version(void);
const char *px_isal_version(void);

const char *px_format_name(enum px_format format); /* "png", "jpeg" */
const char *px_format_mime(enum px_format format); /* "image/png", "image/jpeg" */

/* Reads the header; allocates nothing. UNPROCESSABLE if the bytes are not a PNG or JPEG header (the
 * message names WebP, GIF and other well-known formats), declare a side of 0 or exceed the limits
 * (NULL: the defaults). */
int px_image_probe(struct px_span file, const struct px_decode_limits *limits,
                   struct px_image_info *info, struct px_error *err);

/* limits: NULL for the defaults. channels: 1-4. On success the caller owns *image; on failure it is
 * untouched. UNPROCESSABLE, NOMEM. */
int px_image_decode(struct px_span file, const struct px_decode_limits *limits, uint32_t channels,
                    struct px_image *image, struct px_error *err);

/* The same without rounding to 8 bits: alpha is blended and grey is taken at 16. UNPROCESSABLE if
 * the file does not have 16 bits (px_image_info.bits). */
int px_image16_decode(struct px_span file, const struct px_decode_limits *limits, uint32_t channels,
                      struct px_image16 *image, struct px_error *err);

struct px_encoding {
    enum px_format format; /* not NONE */
    int quality;           /* of JPEG, 1-100 (else INVALID): 4:2:0 below 90, 4:4:4 from 90 on */
    bool stored; /* PNG: not compressed; a tenth of the time, for half as many bytes again */
};

/* Appends the file to *out. JPEG blends alpha over white. On failure *out may hold a part of the
 * file. NOMEM; UNPROCESSABLE for a picture larger than the format can hold. */
int px_image_encode(const struct px_image *image, const struct px_encoding *encoding,
                    struct px_buffer *out, struct px_error *err);

/* For tools and trainer; the message names the file. Files over 512 MiB are refused (TOO_LARGE).
 * The format of the saved file follows its suffix: .png, .jpg, .jpeg (else USAGE). Saving is
 * atomic. */
int px_image_load(const char *path, const struct px_decode_limits *limits, uint32_t channels,
                  struct px_image *image, struct px_error *err);
int px_image_save(const char *path, const struct px_image *image, int quality,
                  struct px_error *err);

#endif
