#include "model/formats/parts/pth_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

static bool is_string(const struct px_pickle_value *value, const char *text)
{
    return value->kind == PX_PICKLE_STRING && value->size == strlen(text) &&
           memcmp(value->text, text, value->size) == 0;
}

static int read_key(struct px_pth_storage *storage, const struct px_pickle_value *key,
                    struct px_error *err)
{
    bool good = key->kind == PX_PICKLE_STRING && key->size > 0 && key->size < sizeof storage->key;

    for (size_t i = 0; good && i < key->size; i++) {
        unsigned char c = (unsigned char)key->text[i];
        good = c < 0x80 && (isalnum(c) || c == '_' || c == '-');
    }
    if (!good)
        return px_fail(err, PX_E_FORMAT, "a storage's key is not a short word of ASCII");
    memcpy(storage->key, key->text, key->size);
    storage->key[key->size] = 0;
    return 0;
}

/* Old files can say that a storage is a part of another: (its own key, offset, size). */
static int read_view(const struct px_pth_storage *storage, size_t *offset, size_t *count,
                     const struct px_pickle_value *view, struct px_error *err)
{
    if (view->kind == PX_PICKLE_NONE)
        return 0;
    if (view->kind != PX_PICKLE_TUPLE || view->node->count != 3)
        return px_fail(err, PX_E_FORMAT, "storage '%s': its view is %s", storage->key,
                       px_pickle_kind_name(view->kind));
    const struct px_pickle_value *items = view->node->items;
    if (items[1].kind != PX_PICKLE_INT || items[2].kind != PX_PICKLE_INT || items[1].number < 0 ||
        items[2].number < 0 || (size_t)items[1].number > storage->count ||
        (size_t)items[2].number > storage->count - (size_t)items[1].number)
        return px_fail(err, PX_E_FORMAT,
                       "storage '%s': a view of it does not lie within its %zu "
                       "elements",
                       storage->key, storage->count);
    *offset = (size_t)items[1].number;
    *count = (size_t)items[2].number;
    return 0;
}

int px_pth_storage_name(struct px_pth_storage *storage, size_t *offset, size_t *count,
                        const struct px_pickle_node *id, struct px_error *err)
{
    const struct px_pickle_value *items = id->items;

    if ((id->count != 5 && id->count != 6) || !is_string(&items[0], "storage"))
        return px_fail(err, PX_E_FORMAT, "the pickle refers to something that is not a storage");
    if (items[1].kind != PX_PICKLE_GLOBAL || items[1].global->callable != PX_PICKLE_STORAGE)
        return px_fail(err, PX_E_FORMAT, "a storage's type is %s",
                       px_pickle_kind_name(items[1].kind));
    *storage = (struct px_pth_storage){.dtype = items[1].global->dtype};
    int rc = read_key(storage, &items[2], err);
    if (rc)
        return rc;
    if (items[4].kind != PX_PICKLE_INT || items[4].number < 0 ||
        !px_mul((size_t)items[4].number, items[1].global->element_bytes, &storage->bytes))
        return px_fail(err, PX_E_FORMAT, "storage '%s' has an impossible number of elements",
                       storage->key);
    storage->count = (size_t)items[4].number;
    *offset = 0;
    *count = storage->count;
    return id->count == 6 ? read_view(storage, offset, count, &items[5], err) : 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct px_pth_storage *)a)->key, ((const struct px_pth_storage *)b)->key);
}

/* Tensors may share a storage: keeps one of each key. */
static int unify(struct px_pth_storages *storages, struct px_error *err)
{
    struct px_pth_storage *list = storages->list;
    size_t kept = 0;

    if (storages->count)
        qsort(list, storages->count, sizeof *list, by_key);
    for (size_t i = 0; i < storages->count; i++) {
        if (kept == 0 || strcmp(list[i].key, list[kept - 1].key) != 0)
            list[kept++] = list[i];
        else if (list[i].dtype != list[kept - 1].dtype || list[i].count != list[kept - 1].count ||
                 list[i].bytes != list[kept - 1].bytes)
            return px_fail(err, PX_E_FORMAT,
                           "storage '%s' is described twice, as %zu %s and as %zu %s", list[i].key,
                           list[kept - 1].count, px_dtype_name(list[kept - 1].dtype), list[i].count,
                           px_dtype_name(list[i].dtype));
    }
    storages->count = kept;
    return 0;
}

int px_pth_storages_read(struct px_pth_storages *storages, const struct px_pickle *pickle,
                         struct px_error *err)
{
    int rc = 0;

    storages->list = calloc(pickle->persistent_count + 1, sizeof *storages->list);
    if (!storages->list)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu storages", pickle->persistent_count);
    for (size_t i = 0; !rc && i < pickle->persistent_count; i++) {
        const struct px_pickle_node *id = pickle->persistents[i];
        size_t offset;
        size_t count;
        if (id->count > 1 && id->items[1].kind == PX_PICKLE_GLOBAL &&
            id->items[1].global->callable == PX_PICKLE_FOREIGN)
            storages->unknown = id->items[1].global;
        else
            rc = px_pth_storage_name(&storages->list[storages->count++], &offset, &count, id, err);
    }
    if (!rc)
        rc = unify(storages, err);
    if (!rc)
        return 0;
    free(storages->list);
    *storages = (struct px_pth_storages){0};
    return rc;
}

static int key_of_storage(const void *key, const void *storage)
{
    return strcmp(key, ((const struct px_pth_storage *)storage)->key);
}

struct px_pth_storage *px_pth_storage_find(const struct px_pth_storages *storages, const char *key)
{
    return bsearch(key, storages->list, storages->count, sizeof *storages->list, key_of_storage);
}
