#ifndef MODEL_FORMATS_PARTS_PICKLE_H
#define MODEL_FORMATS_PARTS_PICKLE_H

/* Python's pickles of protocol 2 to 5, as torch.save() and its users write them, turned into plain
 * values.
 *
 * Nothing is executed: a call that the pickle asks for becomes a value that describes it. Opcodes
 * come from a closed list and are otherwise refused by name. Callables that make tensors come from
 * a closed list too; calling anything else makes an opaque object. Stack, memo and number of values
 * are bounded, so that a small file cannot ask for much memory. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/formats/parts/pickle_value.h"

/* Runs one pickle that begins at `data`; texts point into it. FORMAT or NOMEM; then nothing is left
 * to clear. */
int px_pickle_read(struct px_pickle *pickle, const uint8_t *data, size_t size,
                   struct px_error *err);
void px_pickle_clear(struct px_pickle *pickle); /* accepts an all-zero one */

#endif
