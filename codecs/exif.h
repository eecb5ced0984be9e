#ifndef CODECS_EXIF_H
#define CODECS_EXIF_H

/* The orientation that an EXIF block states (private to codecs/): 1-8, and 1 for anything missing,
 * damaged or out of range, since a bad tag never fails a picture. `data` is the payload of PNG's
 * eXIf chunk or JPEG's APP1 segment: a TIFF header, perhaps behind "Exif\0\0". Reads only IFD 0,
 * only inside data[0..size). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int px_exif_orientation(const uint8_t *data, size_t size);

/* Whether the block begins with "Exif\0\0", as JPEG's does. */
bool px_exif_marked(const uint8_t *data, size_t size);

#endif
