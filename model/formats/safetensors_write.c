#include "model/formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "model/formats/parts/safetensors_header.h"

static const char metadata_key[] = "__metadata__";

/* The reference sorts by its own list of types, largest alignment first. */
static int rank(enum px_dtype dtype)
{
    static const int ranks[] = {
        [PX_I64] = 1, [PX_F64] = 2, [PX_F32] = 3, [PX_BF16] = 4, [PX_F16] = 5, [PX_S8] = 6,
    };
    return ranks[dtype];
}

static int by_type_and_name(const void *a, const void *b)
{
    const struct px_tensor *x = *(const struct px_tensor *const *)a;
    const struct px_tensor *y = *(const struct px_tensor *const *)b;

    if (x->dtype != y->dtype)
        return rank(x->dtype) - rank(y->dtype);
    return strcmp(x->name, y->name);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct px_metadata *)a)->key, ((const struct px_metadata *)b)->key);
}

static int check_tensor(const struct px_tensor *tensor, struct px_error *err)
{
    size_t bytes = px_dtype_size(tensor->dtype);

    if (strcmp(tensor->name, metadata_key) == 0)
        return px_fail(err, PX_E_INVALID, "a tensor cannot be named %s", metadata_key);
    if (!px_safetensors_type_name(tensor->dtype))
        return px_fail(err, PX_E_INVALID, "tensor '%.100s' has no storable type", tensor->name);
    if (tensor->ndim < 0 || tensor->ndim > PX_TENSOR_DIMS)
        return px_fail(err, PX_E_INVALID, "tensor '%.100s' has %d dimensions", tensor->name,
                       tensor->ndim);
    for (int i = 0; i < tensor->ndim; i++)
        if (tensor->shape[i] < 0 || !px_mul(bytes, (size_t)tensor->shape[i], &bytes))
            return px_fail(err, PX_E_INVALID, "tensor '%.100s': dimension %d is %lld", tensor->name,
                           i, (long long)tensor->shape[i]);
    if (bytes != tensor->bytes)
        return px_fail(err, PX_E_INVALID, "tensor '%.100s' has %zu bytes, its shape needs %zu",
                       tensor->name, tensor->bytes, bytes);
    return 0;
}

/* Adds `name: value` and takes the reference to value, which may be NULL. */
static int put(json_t *object, const char *name, json_t *value, struct px_error *err)
{
    if (json_object_get(object, name)) {
        json_decref(value);
        return px_fail(err, PX_E_INVALID, "'%.100s' is given twice", name);
    }
    if (!value || json_object_set_new(object, name, value) != 0)
        return px_fail(err, PX_E_INVALID, "'%.100s' is not valid UTF-8, or memory is short", name);
    return 0;
}

static json_t *describe(const struct px_tensor *tensor, size_t offset)
{
    json_t *shape = json_array();

    for (int i = 0; i < tensor->ndim; i++)
        json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i]));
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", px_safetensors_type_name(tensor->dtype),
                     "shape", shape, "data_offsets", (json_int_t)offset,
                     (json_int_t)(offset + tensor->bytes));
}

static int put_metadata(json_t *header, const struct px_metadata *metadata, size_t count,
                        struct px_error *err)
{
    if (count == 0)
        return 0;
    struct px_metadata *sorted = calloc(count, sizeof *sorted);
    json_t *object = json_object();
    int rc = put(header, metadata_key, object, err);
    if (!rc && !sorted)
        rc = px_fail(err, PX_E_NOMEM, "no memory for %zu metadata", count);
    if (!rc) {
        memcpy(sorted, metadata, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, by_key);
    }
    for (size_t i = 0; !rc && i < count; i++)
        rc = put(object, sorted[i].key, json_string(sorted[i].value), err);
    free(sorted);
    return rc;
}

/* Describes tensors that will lie in this order. */
static int put_tensors(json_t *header, const struct px_tensor *const *tensors, size_t count,
                       struct px_error *err)
{
    size_t offset = 0;

    for (size_t i = 0; i < count; i++) {
        int rc = put(header, tensors[i]->name, describe(tensors[i], offset), err);
        if (rc)
            return rc;
        if (!px_add(offset, tensors[i]->bytes, &offset) || offset > INT64_MAX)
            return px_fail(err, PX_E_INVALID, "the tensors are too large together");
    }
    return 0;
}

static int write_header(struct px_file_writer *writer, const char *text, struct px_error *err)
{
    static const char spaces[] = "       ";
    size_t length = strlen(text);
    size_t pad = (8 - length % 8) % 8;
    uint64_t total = length + pad; /* little-endian, as everything in the file */
    int rc = px_file_write(writer, &total, sizeof total, err);

    if (!rc)
        rc = px_file_write(writer, text, length, err);
    if (!rc)
        rc = px_file_write(writer, spaces, pad, err);
    return rc;
}

static int write_file(const char *path, const char *text, const struct px_tensor *const *tensors,
                      size_t count, struct px_error *err)
{
    struct px_file_writer writer;
    int rc = px_file_open(&writer, path, err);

    if (rc)
        return rc;
    rc = write_header(&writer, text, err);
    for (size_t i = 0; !rc && i < count; i++)
        rc = px_file_write(&writer, tensors[i]->data, tensors[i]->bytes, err);
    if (rc) {
        px_file_abandon(&writer);
        return rc;
    }
    return px_file_commit(&writer, err);
}

/* The tensors in the order of the file, malloc'ed. */
static int sort_tensors(const struct px_tensor ***out, const struct px_tensor *tensors,
                        size_t count, struct px_error *err)
{
    const struct px_tensor **order = calloc(count + 1, sizeof *order);
    int rc = 0;

    if (!order)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu tensors", count);
    for (size_t i = 0; !rc && i < count; i++) {
        rc = check_tensor(&tensors[i], err);
        order[i] = &tensors[i];
    }
    if (rc) {
        free(order);
        return rc;
    }
    qsort(order, count, sizeof *order, by_type_and_name);
    *out = order;
    return 0;
}

int px_safetensors_save(const char *path, const struct px_tensor *tensors, size_t count,
                        const struct px_metadata *metadata, size_t metadata_count,
                        struct px_error *err)
{
    const struct px_tensor **order = NULL;
    char *text = NULL;
    json_t *header = json_object();
    int rc = put_metadata(header, metadata, metadata_count, err);

    if (!rc)
        rc = sort_tensors(&order, tensors, count, err);
    if (!rc)
        rc = put_tensors(header, order, count, err);
    if (!rc && !(text = json_dumps(header, JSON_COMPACT)))
        rc = px_fail(err, PX_E_NOMEM, "no memory for a header of %zu tensors", count);
    if (rc)
        px_error_prefix(err, path); /* what writing fails with has the path already */
    else
        rc = write_file(path, text, order, count, err);
    json_decref(header);
    free(text);
    free(order);
    return rc;
}
