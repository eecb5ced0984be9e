#ifndef MODEL_FORMATS_PARTS_PICKLE_VALUE_H
#define MODEL_FORMATS_PARTS_PICKLE_VALUE_H

/* The plain values that a pickle becomes (pickle.h). */

#include <stddef.h>
#include <stdint.h>

#include "model/network/dtype.h"

enum px_pickle_kind {
    PX_PICKLE_MARK, /* only within the machine */
    PX_PICKLE_NONE,
    PX_PICKLE_BOOL,
    PX_PICKLE_INT,
    PX_PICKLE_FLOAT,  /* also whole numbers beyond 64 bits; the value is not kept */
    PX_PICKLE_STRING, /* text and size; not NUL-terminated, any bytes */
    PX_PICKLE_BYTES,  /* the value is not kept */
    PX_PICKLE_GLOBAL,
    PX_PICKLE_TUPLE,
    PX_PICKLE_LIST,       /* or a set */
    PX_PICKLE_DICT,       /* dict or OrderedDict: items are key, value, key, value ... in order */
    PX_PICKLE_CALL,       /* global(items ...); of a FOREIGN global: see there */
    PX_PICKLE_PERSISTENT, /* a storage: items are those of the tuple that names it */
};

enum px_pickle_callable {
    PX_PICKLE_ORDERED_DICT,
    PX_PICKLE_SIZE,
    PX_PICKLE_STORAGE,
    PX_PICKLE_TENSOR,    /* _rebuild_tensor(storage, offset, size, stride) */
    PX_PICKLE_TENSOR_V2, /* _rebuild_tensor_v2(the same, requires_grad, hooks [, metadata]) */
    PX_PICKLE_PARAMETER, /* Parameter(tensor [, ...]) or _rebuild_parameter(tensor, ...) */
    /* Any other class or function. An object made by calling it keeps nothing but its class and,
     * as items, the keys and values that are set in it as in a dict. */
    PX_PICKLE_FOREIGN,
};

struct px_pickle_global {
    const char *module, *name; /* printable UTF-8 */
    enum px_pickle_callable callable;
    enum px_dtype dtype;  /* of a STORAGE; AUTO if tensors cannot have it, and for others */
    size_t element_bytes; /* of a STORAGE */
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

/* The name of a class or function that is not on the list of known ones. */
struct px_pickle_foreign {
    struct px_pickle_global global;
    struct px_pickle_foreign *next;
    char module[64], name[64]; /* cut if longer */
};

struct px_pickle {
    struct px_pickle_value root;
    size_t size;                         /* bytes of the pickle, including its STOP */
    struct px_pickle_node **persistents; /* every PERSISTENT node, in the file's order */
    size_t persistent_count;
    struct px_pickle_node *nodes;         /* internal */
    struct px_pickle_foreign *foreigners; /* internal */
};

/* "a number", "a list"...: for messages. */
const char *px_pickle_kind_name(enum px_pickle_kind kind);

#endif
