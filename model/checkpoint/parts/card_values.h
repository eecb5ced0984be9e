#ifndef MODEL_CHECKPOINT_PARTS_CARD_VALUES_H
#define MODEL_CHECKPOINT_PARTS_CARD_VALUES_H

/* Private to the cards: checks the values of their keys, as card.h describes them. Each makes *out,
 * a new reference, from `value`, which is not null. FORMAT with a message that says what is wrong
 * with the value, not whose it is; NOMEM. */

#include <jansson.h>

#include "base/error.h"

enum { PX_CARD_MOST_COLOURS = 64 };

typedef int px_card_reader(json_t **out, const json_t *value, struct px_error *err);

px_card_reader px_card_read_title, px_card_read_description, px_card_read_input,
    px_card_read_palette, px_card_read_line_width, px_card_read_preferred, px_card_read_examples;

#endif
