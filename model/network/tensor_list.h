#ifndef MODEL_NETWORK_TENSOR_LIST_H
#define MODEL_NETWORK_TENSOR_LIST_H

/* What every reader of checkpoint files returns: the tensors, sorted by name (strcmp), no name
 * twice, and the file's metadata, sorted by key. A view: the memory belongs to the reader that made
 * it. */

#include "model/network/tensor.h"

struct px_metadata { /* one entry of a safetensors file's __metadata__ */
    const char *key, *value;
};

struct px_tensor_list {
    struct px_tensor *tensors;
    size_t count;
    const char *first; /* the name of the tensor that comes first in the file; may be NULL */
    struct px_metadata *metadata;
    size_t metadata_count;
};

/* The tensor of that name, or NULL. */
const struct px_tensor *px_tensor_find(const struct px_tensor_list *list, const char *name);
/* The value of a key, or NULL. */
const char *px_metadata_find(const struct px_tensor_list *list, const char *key);

/* Sorts tensors and metadata; `first` becomes the first tensor before, unless it is set. */
void px_tensor_list_sort(struct px_tensor_list *list);

#endif
