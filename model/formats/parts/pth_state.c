#include "model/formats/parts/pth_parts.h"

#include <stdlib.h>
#include <string.h>

/* Writes an entry's name without `module.` (what DataParallel adds) to *to and moves that on. */
static int read_name(char **to, const struct px_pickle_value *key, struct px_error *err)
{
    static const char prefix[] = "module.";
    size_t skip = sizeof prefix - 1;

    if (key->kind != PX_PICKLE_STRING)
        return px_fail(err, PX_E_FORMAT, "the file's dict has %s as a key: it is no state_dict",
                       px_pickle_kind_name(key->kind));
    if (key->size <= skip || memcmp(key->text, prefix, skip) != 0)
        skip = 0;
    for (size_t i = skip; i < key->size; i++)
        if (key->text[i] < 0x20 || key->text[i] > 0x7e)
            return px_fail(err, PX_E_FORMAT, "the name of a tensor is not printable ASCII");
    memcpy(*to, key->text + skip, key->size - skip);
    *to += key->size - skip;
    *(*to)++ = 0;
    return 0;
}

static int check_names(const struct px_tensor_list *list, struct px_error *err)
{
    for (size_t i = 1; i < list->count; i++)
        if (strcmp(list->tensors[i].name, list->tensors[i - 1].name) == 0)
            return px_fail(err, PX_E_FORMAT, "tensor '%.100s' is there twice",
                           list->tensors[i].name);
    return 0;
}

int px_pth_state(struct px_tensor_list *list, char **names, const struct px_pickle_value *root,
                 const struct px_pth_storages *storages, struct px_pth_copies *copies,
                 struct px_error *err)
{
    size_t bytes = 1;

    if (root->kind != PX_PICKLE_DICT)
        return px_fail(
            err, PX_E_FORMAT,
            "the file holds %s, not a state_dict: save torch.save(net.state_dict(), ...)",
            px_pickle_kind_name(root->kind));
    size_t count = root->node->count / 2;
    const struct px_pickle_value *items = root->node->items;
    for (size_t i = 0; i < count; i++) /* each text lies in the file: no overflow */
        bytes += items[2 * i].kind == PX_PICKLE_STRING ? items[2 * i].size + 1 : 0;
    list->tensors = calloc(count + 1, sizeof *list->tensors);
    *names = malloc(bytes);
    if (!list->tensors || !*names)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu tensors", count);
    char *name = *names;
    for (size_t i = 0; i < count; i++) {
        struct px_tensor *tensor = &list->tensors[list->count++];
        tensor->name = name;
        int rc = read_name(&name, &items[2 * i], err);
        if (!rc)
            rc = px_pth_tensor(tensor, &items[2 * i + 1], storages, copies, err);
        if (rc)
            return rc;
    }
    px_tensor_list_sort(list);
    return check_names(list, err);
}
