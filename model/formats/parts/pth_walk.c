#include "model/formats/parts/pth_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/buffer.h"
#include "base/utf8.h"

enum { MAX_TENSORS = 1 << 16, MAX_VISITS = 1 << 20, MAX_NAME = 1024 };

struct pth_walk {
    struct px_pth_content *content;
    const struct px_pth_storages *storages;
    struct px_pth_copies *copies;
    struct px_buffer path; /* of the value at hand: OUTER/INNER */
    size_t capacity;       /* of the list's tensors */
    size_t visits;
    struct px_error *err;
};

/* Remembers the first value that cannot be read, for messages. */
static void skip(struct pth_walk *w, const struct px_pickle_global *what, const char *noun)
{
    struct px_pth_content *content = w->content;

    if (!content->skipped[0])
        snprintf(content->skipped, sizeof content->skipped, "'%.100s' is %s %s.%s",
                 px_buffer_text(&w->path), noun, what->module, what->name);
}

/* The class of a tensor's storage if tensors of its type cannot be read, else NULL. */
static const struct px_pickle_global *unreadable(const struct px_pickle_node *call)
{
    const struct px_pickle_value *storage = call->count ? &call->items[0] : NULL;

    if (!storage || storage->kind != PX_PICKLE_PERSISTENT || storage->node->count < 2 ||
        storage->node->items[1].kind != PX_PICKLE_GLOBAL)
        return NULL; /* px_pth_tensor() will complain */
    const struct px_pickle_global *type = storage->node->items[1].global;
    bool known = type->callable == PX_PICKLE_STORAGE && type->dtype != PX_DTYPE_AUTO;
    return known ? NULL : type;
}

static int add_tensor(struct pth_walk *w, const struct px_pickle_node *call)
{
    struct px_tensor_list *list = &w->content->list;
    const char *path = px_buffer_text(&w->path);
    const struct px_pickle_global *type = unreadable(call);

    if (type) {
        skip(w, type, "stored as");
        return 0;
    }
    if (list->count == MAX_TENSORS)
        return px_fail(w->err, PX_E_FORMAT, "the file holds more than %d tensors", MAX_TENSORS);
    if (strlen(path) != w->path.size || !px_utf8_is_printable(path))
        return px_fail(w->err, PX_E_FORMAT, "the name of a tensor is not printable UTF-8");
    char *name = px_pth_copies_add(w->copies, w->path.size + 1);
    struct px_tensor *more =
        px_array_grow(list->tensors, &w->capacity, list->count + 1, sizeof *list->tensors);
    if (more)
        list->tensors = more;
    if (!name || !more)
        return px_fail(w->err, PX_E_NOMEM, "no memory for %zu tensors", list->count + 1);
    memcpy(name, path, w->path.size + 1);
    struct px_tensor *tensor = &list->tensors[list->count++];
    *tensor = (struct px_tensor){.name = name};
    return px_pth_tensor(tensor, call, w->storages, w->copies, w->err);
}

/* The items of a value that holds others, `step` apart, the values `first` behind the keys. */
struct container {
    const struct px_pickle_node *node;
    bool has_keys;
};

static bool is_container(const struct px_pickle_value *value, struct container *container)
{
    switch (value->kind) {
    case PX_PICKLE_DICT:
        *container = (struct container){value->node, true};
        return true;
    case PX_PICKLE_CALL: /* of a class that behaves like a dict */
        *container = (struct container){value->node, true};
        return value->node->global->callable == PX_PICKLE_FOREIGN && value->node->count > 0;
    case PX_PICKLE_TUPLE:
    case PX_PICKLE_LIST:
        *container = (struct container){value->node, false};
        return true;
    default:
        return false;
    }
}

/* Appends a key to the path; false if it is not one that names things. */
static bool enter(struct pth_walk *w, const struct px_pickle_value *key)
{
    if (w->path.size)
        px_buffer_append_text(&w->path, "/");
    if (key->kind == PX_PICKLE_STRING && key->size <= MAX_NAME)
        return px_buffer_append(&w->path, key->text, key->size);
    return key->kind == PX_PICKLE_INT &&
           px_buffer_appendf(&w->path, "%lld", (long long)key->number);
}

static int visit(struct pth_walk *w, const struct px_pickle_value *value, int depth);

static int visit_items(struct pth_walk *w, const struct container *container, int depth)
{
    const size_t step = container->has_keys ? 2 : 1;
    const size_t before = w->path.size;
    int rc = 0;

    for (size_t i = 0; !rc && i + step <= container->node->count; i += step) {
        const struct px_pickle_value *item = &container->node->items[i];
        const struct px_pickle_value index = {.kind = PX_PICKLE_INT, .number = (int64_t)i};
        if (enter(w, step == 2 ? item : &index))
            rc = visit(w, item + step - 1, depth + 1);
        if (w->path.failed)
            return px_fail(w->err, PX_E_NOMEM, "no memory for the name of a tensor");
        if (w->path.data) {
            w->path.size = before;
            w->path.data[before] = 0;
        }
    }
    return rc;
}

/* The path leads to the value. */
static int visit(struct pth_walk *w, const struct px_pickle_value *value, int depth)
{
    const struct px_pickle_node *call = px_pth_tensor_call(value);
    struct container container;

    if (w->visits++ == MAX_VISITS)
        return px_fail(w->err, PX_E_FORMAT, "the file holds more than %d values", MAX_VISITS);
    if (call)
        return add_tensor(w, call);
    if (is_container(value, &container))
        return depth < PX_PTH_DEPTH ? visit_items(w, &container, depth) : 0;
    if (value->kind == PX_PICKLE_CALL)
        skip(w, value->node->global, "an object of the Python class");
    return 0;
}

static int check_names(const struct px_tensor_list *list, struct px_error *err)
{
    for (size_t i = 1; i < list->count; i++)
        if (strcmp(list->tensors[i].name, list->tensors[i - 1].name) == 0)
            return px_fail(err, PX_E_FORMAT, "tensor '%.100s' appears twice",
                           list->tensors[i].name);
    return 0;
}

/* Explains a root that can hold no tensors. */
static int refuse_root(const struct px_pickle_value *root, struct px_error *err)
{
    if (root->kind != PX_PICKLE_CALL || root->node->global->callable != PX_PICKLE_FOREIGN)
        return px_fail(err, PX_E_FORMAT,
                       "the file holds %s, not a state_dict; save one with "
                       "torch.save(net.state_dict(), ...)",
                       px_pth_tensor_call(root) ? "a single tensor"
                                                : px_pickle_kind_name(root->kind));
    return px_fail(err, PX_E_FORMAT,
                   "the file holds an object of the Python class '%s.%s', and only tensors are "
                   "read; if a whole module was saved, load it with PyTorch and save the "
                   "state_dict: torch.save(net.state_dict(), ...)",
                   root->node->global->module, root->node->global->name);
}

int px_pth_walk(struct px_pth_content *content, const struct px_pickle_value *root,
                const struct px_pth_storages *storages, struct px_pth_copies *copies,
                struct px_error *err)
{
    struct pth_walk walk = {.content = content, .storages = storages, .copies = copies, .err = err};
    struct container container;

    if (!is_container(root, &container))
        return refuse_root(root, err);
    int rc = visit(&walk, root, 0);
    px_buffer_clear(&walk.path);
    if (rc)
        return rc;
    px_tensor_list_sort(&content->list);
    return check_names(&content->list, err);
}
