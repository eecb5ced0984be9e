#include "model/formats/parts/pth_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

/* A tensor over its storage, in elements. */
struct tensor_layout {
    size_t offset;
    size_t count;
    size_t last; /* the largest index into the storage that an element has */
    size_t strides[PX_TENSOR_DIMS];
    bool contiguous;
};

/* The size and stride tuples. */
static int read_shape(struct px_tensor *tensor, struct tensor_layout *layout,
                      const struct px_pickle_value *size, const struct px_pickle_value *stride,
                      struct px_error *err)
{
    if (size->kind != PX_PICKLE_TUPLE || stride->kind != PX_PICKLE_TUPLE ||
        size->node->count != stride->node->count)
        return px_fail(err, PX_E_FORMAT, "tensor '%.100s' has no proper shape", tensor->name);
    if (size->node->count > PX_TENSOR_DIMS)
        return px_fail(err, PX_E_FORMAT, "tensor '%.100s' has %zu dimensions, at most %d can be",
                       tensor->name, size->node->count, PX_TENSOR_DIMS);
    tensor->ndim = (int)size->node->count;
    layout->count = 1;
    for (int i = 0; i < tensor->ndim; i++) {
        const struct px_pickle_value *n = &size->node->items[i];
        const struct px_pickle_value *step = &stride->node->items[i];
        if (n->kind != PX_PICKLE_INT || step->kind != PX_PICKLE_INT || n->number < 0 ||
            step->number < 0 || !px_mul(layout->count, (size_t)n->number, &layout->count))
            return px_fail(err, PX_E_FORMAT, "tensor '%.100s': dimension %d of its shape is bad",
                           tensor->name, i);
        tensor->shape[i] = n->number;
        layout->strides[i] = (size_t)step->number;
    }
    return 0;
}

/* Finds the last element's place and whether all lie in C order without gaps. */
static bool measure(struct tensor_layout *layout, const struct px_tensor *tensor)
{
    size_t expected = 1;

    layout->contiguous = true;
    layout->last = layout->offset;
    for (int i = tensor->ndim; i-- > 0;) {
        size_t n = (size_t)tensor->shape[i];
        size_t way;
        if (n <= 1) /* its stride is never used */
            continue;
        if (!px_mul(n - 1, layout->strides[i], &way) || !px_add(layout->last, way, &layout->last))
            return false;
        layout->contiguous = layout->contiguous && layout->strides[i] == expected;
        expected *= n; /* at most count */
    }
    return true;
}

/* Copies `count` elements of `size` bytes, `stride` elements apart. */
static void gather(uint8_t *to, const uint8_t *from, size_t count, size_t stride, size_t size)
{
    size_t step = stride * size;

    if (size == 4) /* a constant size makes this a plain load and store */
        for (size_t i = 0; i < count; i++)
            memcpy(to + 4 * i, from + i * step, 4);
    else
        for (size_t i = 0; i < count; i++)
            memcpy(to + size * i, from + i * step, size);
}

/* Brings the elements into C order, row by row of the last dimension. */
static void straighten(uint8_t *to, const uint8_t *from, const struct px_tensor *tensor,
                       const struct tensor_layout *layout)
{
    size_t size = px_dtype_size(tensor->dtype);
    int inner = tensor->ndim - 1;
    size_t row = (size_t)tensor->shape[inner];
    size_t index[PX_TENSOR_DIMS] = {0};
    size_t place = layout->offset;

    for (size_t done = 0; done < layout->count; done += row) {
        gather(to + done * size, from + place * size, row, layout->strides[inner], size);
        for (int i = inner - 1; i >= 0; i--) {
            place += layout->strides[i];
            if (++index[i] < (size_t)tensor->shape[i])
                break;
            place -= index[i] * layout->strides[i];
            index[i] = 0;
        }
    }
}

void *px_pth_copies_add(struct px_pth_copies *copies, size_t bytes)
{
    struct px_pth_copy *block = malloc(sizeof *block + bytes); /* bytes: of something that exists */

    if (!block)
        return NULL;
    block->next = copies->first;
    copies->first = block;
    return block->data;
}

static int copy(struct px_tensor *tensor, const struct tensor_layout *layout,
                const struct px_pth_storage *storage, struct px_pth_copies *copies,
                struct px_error *err)
{
    if (layout->count > storage->count)
        return px_fail(
            err, PX_E_FORMAT,
            "tensor '%.100s' repeats elements of its storage; save a copy of it (clone())",
            tensor->name);
    if (tensor->bytes > copies->budget)
        return px_fail(err, PX_E_FORMAT, "tensor '%.100s': the tensors are larger than the file",
                       tensor->name);
    uint8_t *data = px_pth_copies_add(copies, tensor->bytes);
    if (!data)
        return px_fail(err, PX_E_NOMEM, "no memory for tensor '%.100s' of %zu bytes", tensor->name,
                       tensor->bytes);
    copies->budget -= tensor->bytes;
    straighten(data, storage->data, tensor, layout);
    tensor->data = data;
    return 0;
}

/* Puts the tensor over its storage, of which it may use `part` elements from layout->offset on. */
static int place(struct px_tensor *tensor, struct tensor_layout *layout, size_t part,
                 const struct px_pth_storage *storage, struct px_pth_copies *copies,
                 struct px_error *err)
{
    size_t begin = layout->offset;

    assert(storage && storage->data);
    tensor->dtype = storage->dtype;
    if (!px_mul(layout->count, px_dtype_size(tensor->dtype), &tensor->bytes))
        return px_fail(err, PX_E_FORMAT, "tensor '%.100s': its shape has too many elements",
                       tensor->name);
    tensor->data = storage->data;
    if (layout->count == 0)
        return 0;
    if (!measure(layout, tensor) || layout->last >= part)
        return px_fail(err, PX_E_FORMAT,
                       "tensor '%.100s' reaches beyond the %zu elements of its storage",
                       tensor->name, part);
    if (!layout->contiguous)
        return copy(tensor, layout, storage, copies, err);
    tensor->data = storage->data + begin * px_dtype_size(tensor->dtype);
    return 0;
}

const struct px_pickle_node *px_pth_tensor_call(const struct px_pickle_value *value)
{
    for (int i = 0; i < 2 && value->kind == PX_PICKLE_CALL; i++) {
        const struct px_pickle_node *call = value->node;
        enum px_pickle_callable callable = call->global->callable;
        if (callable == PX_PICKLE_TENSOR || callable == PX_PICKLE_TENSOR_V2)
            return call;
        if (callable != PX_PICKLE_PARAMETER || call->count < 1)
            return NULL;
        value = &call->items[0];
    }
    return NULL;
}

/* Extra state of a tensor (a pending negation) would change its values. */
static bool has_state(const struct px_pickle_node *call)
{
    const struct px_pickle_value *state = call->count > 6 ? &call->items[6] : NULL;

    return state && state->kind != PX_PICKLE_NONE &&
           !(state->kind == PX_PICKLE_DICT && state->node->count == 0);
}

int px_pth_tensor(struct px_tensor *tensor, const struct px_pickle_node *call,
                  const struct px_pth_storages *storages, struct px_pth_copies *copies,
                  struct px_error *err)
{
    struct px_pth_storage named;
    struct tensor_layout layout = {0};
    size_t start;
    size_t part;

    if (call->count < 4 || call->count > 7 || call->items[0].kind != PX_PICKLE_PERSISTENT ||
        has_state(call))
        return px_fail(err, PX_E_FORMAT, "tensor '%.100s' is not made of a storage and a shape",
                       tensor->name);
    int rc = px_pth_storage_name(&named, &start, &part, call->items[0].node, err);
    if (!rc)
        rc = read_shape(tensor, &layout, &call->items[2], &call->items[3], err);
    if (rc)
        return rc;
    const struct px_pickle_value *offset = &call->items[1];
    if (offset->kind != PX_PICKLE_INT || offset->number < 0 || (size_t)offset->number > part)
        return px_fail(err, PX_E_FORMAT, "tensor '%.100s' begins outside of its storage",
                       tensor->name);
    layout.offset = start + (size_t)offset->number;
    return place(tensor, &layout, start + part, px_pth_storage_find(storages, named.key), copies,
                 err);
}
