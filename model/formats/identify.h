#ifndef MODEL_FORMATS_IDENTIFY_H
#define MODEL_FORMATS_IDENTIFY_H

/* Recognises files that are often given instead of a checkpoint, by their first bytes. */

#include <stddef.h>
#include <stdint.h>

/* What the file is and what to do, to be put behind "FILE: ": "this is an HTML page, not a
 * checkpoint; download the file itself". NULL for a file that is not recognised. A zip archive or
 * pickle is taken for PyTorch's, to be converted; readers of those look for them first. */
const char *px_identify(const uint8_t *data, size_t size);

#endif
