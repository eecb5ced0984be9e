#ifndef MODEL_FORMATS_PARTS_PICKLE_MACHINE_H
#define MODEL_FORMATS_PARTS_PICKLE_MACHINE_H

/* Private to the pickle files: the machine's state and the steps that its instructions consist
 * of. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/formats/parts/pickle_value.h"

enum {
    PX_PICKLE_MAX_STACK = 1 << 16,
    PX_PICKLE_MAX_MEMO = 1 << 18,
    PX_PICKLE_MAX_NODES = 1 << 18,
    PX_PICKLE_MAX_ITEMS = 1 << 20, /* of all nodes together */
};

struct px_pickle_machine {
    const uint8_t *data;
    size_t size;
    size_t at; /* the next byte */
    struct px_pickle *pickle;
    struct px_pickle_value *stack;
    size_t depth, stack_capacity;
    struct px_pickle_value *memo; /* kind MARK if nothing was put there */
    size_t memo_capacity;
    size_t memo_count; /* values in the memo */
    size_t persistent_capacity;
    size_t nodes, items;
    struct px_error *err;
};

/* All return 0 or a negative code with the message written. */

/* *bytes points at the next n bytes of the pickle, which are consumed. */
int px_pickle_take(struct px_pickle_machine *m, size_t n, const uint8_t **bytes);
int px_pickle_push(struct px_pickle_machine *m, struct px_pickle_value value);
int px_pickle_pop(struct px_pickle_machine *m, struct px_pickle_value *value);
/* The value on top, which must be of that kind. */
int px_pickle_top(struct px_pickle_machine *m, enum px_pickle_kind kind,
                  struct px_pickle_node **node);
/* The number of values above the last mark; they stay on the stack, and the mark below them. */
int px_pickle_above_mark(struct px_pickle_machine *m, size_t *count);

/* Fails if another node would be one too many, else counts it. */
int px_pickle_count_node(struct px_pickle_machine *m);
/* Pushes a new node without items. */
int px_pickle_push_node(struct px_pickle_machine *m, enum px_pickle_kind kind,
                        struct px_pickle_node **node);
int px_pickle_append(struct px_pickle_machine *m, struct px_pickle_node *node,
                     const struct px_pickle_value *values, size_t count);

/* Remember the value on top, under a number or (MEMOIZE) the next free one, and push it again. */
int px_pickle_put(struct px_pickle_machine *m, size_t index);
int px_pickle_get(struct px_pickle_machine *m, size_t index);

#endif
