#include "model/network/tensor_list.h"

#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct px_tensor *)a)->name, ((const struct px_tensor *)b)->name);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct px_metadata *)a)->key, ((const struct px_metadata *)b)->key);
}

void px_tensor_list_sort(struct px_tensor_list *list)
{
    if (list->count && !list->first)
        list->first = list->tensors[0].name;
    if (list->count)
        qsort(list->tensors, list->count, sizeof *list->tensors, by_name);
    if (list->metadata_count)
        qsort(list->metadata, list->metadata_count, sizeof *list->metadata, by_key);
}

static int name_of_tensor(const void *name, const void *tensor)
{
    return strcmp(name, ((const struct px_tensor *)tensor)->name);
}

const struct px_tensor *px_tensor_find(const struct px_tensor_list *list, const char *name)
{
    if (list->count == 0)
        return NULL;
    return bsearch(name, list->tensors, list->count, sizeof *list->tensors, name_of_tensor);
}

const char *px_metadata_find(const struct px_tensor_list *list, const char *key)
{
    for (size_t i = 0; i < list->metadata_count; i++)
        if (strcmp(list->metadata[i].key, key) == 0)
            return list->metadata[i].value;
    return NULL;
}
