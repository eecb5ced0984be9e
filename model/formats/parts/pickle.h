#ifndef MODEL_FORMATS_PARTS_PICKLE_H
#define MODEL_FORMATS_PARTS_PICKLE_H

/* Python's pickles, as far as torch.save() writes them for a state_dict, turned into plain values.
 *
 * Nothing is executed: a call that the pickle asks for becomes a value that says so. Opcodes and
 * callables come from closed lists, those that PyTorch 0.1 to today writes under Python 2 and 3
 * with its protocol 2; everything else is refused by name. Stack, memo and number of values are
 * bounded, so that a small file cannot ask for much memory, and values are never walked
 * recursively. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/network/dtype.h"

enum px_pickle_kind {
    PX_PICKLE_MARK, /* only within the machine */
    PX_PICKLE_NONE,
    PX_PICKLE_BOOL,
    PX_PICKLE_INT,
    PX_PICKLE_FLOAT,  /* its value is not kept: a state_dict has no use for one */
    PX_PICKLE_STRING, /* text and size; not NUL-terminated, any bytes */
    PX_PICKLE_GLOBAL,
    PX_PICKLE_TUPLE,
    PX_PICKLE_LIST,
    PX_PICKLE_DICT,       /* dict or OrderedDict: items are key, value, key, value ... in order */
    PX_PICKLE_CALL,       /* global(items ...) */
    PX_PICKLE_PERSISTENT, /* a storage: items are those of the tuple that names it */
};

enum px_pickle_callable {
    PX_PICKLE_ORDERED_DICT,
    PX_PICKLE_SIZE,
    PX_PICKLE_STORAGE,
    PX_PICKLE_TENSOR,    /* _rebuild_tensor(storage, offset, size, stride) */
    PX_PICKLE_TENSOR_V2, /* _rebuild_tensor_v2(the same, requires_grad, hooks [, metadata]) */
    PX_PICKLE_PARAMETER, /* Parameter(tensor [, ...]) or _rebuild_parameter(tensor, ...) */
};

struct px_pickle_global {
    const char *module, *name;
    enum px_pickle_callable callable;
    enum px_dtype dtype; /* of a STORAGE; AUTO for others */
};

struct px_pickle_value {
    enum px_pickle_kind kind;
    uint32_t size; /* STRING: bytes */
    union {
        int64_t number; /* INT, BOOL */
        const char *text;
        const struct px_pickle_global *global;
        struct px_pickle_node *node; /* TUPLE and what follows it */
    };
};

/* What holds other values. Nodes may be shared and may contain themselves. */
struct px_pickle_node {
    const struct px_pickle_global *global; /* CALL */
    struct px_pickle_value *items;
    size_t count;
    size_t capacity;             /* internal */
    struct px_pickle_node *next; /* internal */
};

struct px_pickle {
    struct px_pickle_value root;
    size_t size;                         /* bytes of the pickle, up to and with its STOP */
    struct px_pickle_node **persistents; /* every PERSISTENT node, in the file's order */
    size_t persistent_count;
    struct px_pickle_node *nodes; /* internal */
};

/* Runs one pickle that begins at `data`; texts point into it. FORMAT or NOMEM; then nothing is left
 * to release. */
int px_pickle_read(struct px_pickle *pickle, const uint8_t *data, size_t size,
                   struct px_error *err);
void px_pickle_release(struct px_pickle *pickle); /* accepts an all-zero one */

/* "a number", "a list"...: for messages. */
const char *px_pickle_kind_name(enum px_pickle_kind kind);

#endif
