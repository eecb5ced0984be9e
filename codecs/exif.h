#ifndef CODECS_EXIF_H
#define CODECS_EXIF_H

/* EXIF orientation (private to codecs/). Stateless and thread-safe. */

#include <stdbool.h>

#include "base/span.h"

/* The orientation that an EXIF block states: 1-8, and 1 for anything missing, damaged or out of
 * range, since a bad tag never fails a picture. The block is the payload of a PNG's eXIf chunk or
 * of a JPEG's APP1 segment: a TIFF header, which may follow "Exif\0\0". Only IFD 0 is read. */
int px_exif_orientation(struct px_span block);

/* Whether the block begins with "Exif\0\0", as a JPEG's does. */
bool px_exif_is_marked(struct px_span block);

#endif
