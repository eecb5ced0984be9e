#ifndef MODEL_NETWORK_TENSOR_LIST_H
#define MODEL_NETWORK_TENSOR_LIST_H

/* What every reader of checkpoint files gives: the tensors in the order of their names (strcmp),
 * no name twice, and the file's metadata in the order of their keys. A view: the memory belongs to
 * the reader that made it. */

#include "model/network/tensor.h"

struct px_metadata { /* one entry of a safetensors file's __metadata__ */
    const char *key, *value;
};

struct px_tensor_list {
    struct px_tensor *tensors;
    size_t count;
    struct px_metadata *metadata;
    size_t metadata_count;
};

/* NULL where there is none of that name. */
const struct px_tensor *px_tensor_find(const struct px_tensor_list *list, const char *name);
/* The value of a key, or NULL. */
const char *px_metadata_find(const struct px_tensor_list *list, const char *key);

/* Puts tensors and metadata in order. */
void px_tensor_list_sort(struct px_tensor_list *list);

#endif
