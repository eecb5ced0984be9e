#ifndef MODEL_FORMATS_PARTS_PTH_PARTS_H
#define MODEL_FORMATS_PARTS_PTH_PARTS_H

/* Private to the .pth files: from a pickle's values to storages and tensors. Each function is in
 * the file named after it: pth_storage.c, pth_tensor.c, pth_walk.c, pth_zip.c, pth_legacy.c. */

#include <stdbool.h>

#include "base/span.h"
#include "model/formats/parts/pickle.h"
#include "model/network/tensor_list.h"

/* A storage as a persistent id names it. */
struct px_pth_storage {
    char key[64];        /* letters, digits, '_' and '-' */
    enum px_dtype dtype; /* AUTO if tensors cannot have it */
    size_t count;        /* elements */
    size_t bytes;        /* of all elements */
    const uint8_t *data; /* NULL until its place in the file is known */
};

struct px_pth_storages {
    struct px_pth_storage *list; /* by key, none twice */
    size_t count;
    const struct px_pickle_global *unknown; /* a class of storages left out of the list, or NULL */
};

/* Lists the storages that a pickle names. FORMAT if two with one key differ. On failure nothing is
 * left to free; else free(storages->list). */
int px_pth_storages_read(struct px_pth_storages *storages, const struct px_pickle *pickle,
                         struct px_error *err);
struct px_pth_storage *px_pth_storage_find(const struct px_pth_storages *storages, const char *key);

/* What a persistent id states about its storage; *offset and *count are of the part that is meant,
 * which is the whole storage except in old files with views. */
int px_pth_storage_name(struct px_pth_storage *storage, size_t *offset, size_t *count,
                        const struct px_pickle_node *id, struct px_error *err);

/* Memory that lives as long as the file: names, copies of tensors with foreign strides, and
 * inflated records. The budgets bound how much of the latter two a file can ask for. */
struct px_pth_copy {
    struct px_pth_copy *next;
    double data[]; /* aligned for all types */
};
struct px_pth_copies {
    struct px_pth_copy *first;
    size_t budget;         /* bytes left for copies of tensors */
    size_t inflate_budget; /* and for inflated records */
};

/* `bytes` of memory; NULL without. */
void *px_pth_copies_add(struct px_pth_copies *copies, size_t bytes);

/* The call of _rebuild_tensor or _rebuild_tensor_v2 that a value is, or that a Parameter holds;
 * NULL for anything else. */
const struct px_pickle_node *px_pth_tensor_call(const struct px_pickle_value *value);

/* The tensor that such a call makes; tensor->name is set and kept. */
int px_pth_tensor(struct px_tensor *tensor, const struct px_pickle_node *call,
                  const struct px_pth_storages *storages, struct px_pth_copies *copies,
                  struct px_error *err);

/* What a pickle's root holds. */
struct px_pth_content {
    struct px_tensor_list list; /* tensors: malloc'ed; names: among the copies */
    char skipped[256];          /* "'args' is ...": the first thing that cannot be read; or "" */
};

/* Finds all tensors below the root: in dicts, lists and tuples, down to PX_PTH_DEPTH levels. What
 * lies in a nested container is named OUTER/INNER. */
enum { PX_PTH_DEPTH = 8 };
int px_pth_walk(struct px_pth_content *content, const struct px_pickle_value *root,
                const struct px_pth_storages *storages, struct px_pth_copies *copies,
                struct px_error *err);

/* Runs the file's pickle and finds the places of its storages. Texts of *pickle point into `data`
 * or `copies`. The caller clears both, also after a failure; they are all zero before. */
int px_pth_zip_read(struct px_pickle *pickle, struct px_pth_storages *storages,
                    struct px_pth_copies *copies, struct px_span data, struct px_error *err);
int px_pth_legacy_read(struct px_pickle *pickle, struct px_pth_storages *storages,
                       const uint8_t *data, size_t size, struct px_error *err);

#endif
