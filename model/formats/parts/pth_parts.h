#ifndef MODEL_FORMATS_PARTS_PTH_PARTS_H
#define MODEL_FORMATS_PARTS_PTH_PARTS_H

/* Private to the .pth files: from a pickle's values to storages and tensors. */

#include <stdbool.h>

#include "model/formats/parts/pickle.h"
#include "model/formats/pth.h"

/* A storage as a persistent id names it. */
struct px_pth_storage {
    char key[64]; /* letters, digits, '_' and '-' */
    enum px_dtype dtype;
    size_t count;        /* elements, */
    size_t bytes;        /* and their bytes */
    const uint8_t *data; /* NULL until its place in the file is known */
};

struct px_pth_storages {
    struct px_pth_storage *list; /* by key, none twice */
    size_t count;
};

/* Lists the storages that a pickle names. FORMAT where two of one key differ. On failure nothing is
 * left to free; else free(storages->list). */
int px_pth_storages_read(struct px_pth_storages *storages, const struct px_pickle *pickle,
                         struct px_error *err);
struct px_pth_storage *px_pth_storage_find(const struct px_pth_storages *storages, const char *key);

/* What a persistent id says of its storage; *offset and *count are of the part that is meant, which
 * is all but in old files with views. */
int px_pth_storage_name(struct px_pth_storage *storage, size_t *offset, size_t *count,
                        const struct px_pickle_node *id, struct px_error *err);

/* Copies of tensors with foreign strides; together they are at most `budget` bytes. */
struct px_pth_copy {
    struct px_pth_copy *next;
    double data[]; /* aligned for all types */
};
struct px_pth_copies {
    struct px_pth_copy *first;
    size_t budget;
};

/* A tensor, of what the pickle says and where the storages lie; tensor->name is set and kept. */
int px_pth_tensor(struct px_tensor *tensor, const struct px_pickle_value *value,
                  const struct px_pth_storages *storages, struct px_pth_copies *copies,
                  struct px_error *err);

/* The whole state_dict. *names takes the block of all names. */
int px_pth_state(struct px_tensor_list *list, char **names, const struct px_pickle_value *root,
                 const struct px_pth_storages *storages, struct px_pth_copies *copies,
                 struct px_error *err);

/* Runs the file's pickle and finds the places of its storages. Texts of *pickle point into `data`.
 * The caller releases both, also after a failure; they are all zero before. */
int px_pth_zip_read(struct px_pickle *pickle, struct px_pth_storages *storages, const uint8_t *data,
                    size_t size, struct px_error *err);
int px_pth_legacy_read(struct px_pickle *pickle, struct px_pth_storages *storages,
                       const uint8_t *data, size_t size, struct px_error *err);

#endif
