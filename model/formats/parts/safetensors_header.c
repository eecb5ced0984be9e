#include "model/formats/parts/safetensors_header.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "model/formats/identify.h"

enum { LENGTH_BYTES = 8, MAX_HEADER = 1 << 20 };

static const char metadata_key[] = "__metadata__";

static const struct {
    enum px_dtype dtype;
    const char *name;
} types[] = {
    {PX_F32, "F32"}, {PX_BF16, "BF16"}, {PX_F16, "F16"},
    {PX_F64, "F64"}, {PX_I64, "I64"},   {PX_S8, "I8"},
};

const char *px_safetensors_type_name(enum px_dtype dtype)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].dtype == dtype)
            return types[i].name;
    return NULL;
}

/* AUTO for a name that is none of these. */
static enum px_dtype type_of(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].dtype;
    return PX_DTYPE_AUTO;
}

/* Finds the JSON text: *length of its bytes after the length field. */
static int read_length(const uint8_t *data, size_t size, size_t *length, struct px_error *err)
{
    const bool begins = size > LENGTH_BYTES && data[LENGTH_BYTES] == '{';
    const char *other = begins ? NULL : px_identify(data, size);
    uint64_t n = 0;

    if (other)
        return px_fail(err, PX_E_FORMAT, "%s", other);
    if (size < LENGTH_BYTES)
        return px_fail(err, PX_E_FORMAT, "%zu bytes are too short for a safetensors file", size);
    for (int i = 0; i < LENGTH_BYTES; i++)
        n |= (uint64_t)data[i] << (8 * i);
    if (n > MAX_HEADER)
        return px_fail(err, PX_E_FORMAT,
                       "the header's length %llu is over %d: not a safetensors file of a "
                       "generator",
                       (unsigned long long)n, MAX_HEADER);
    if (n > size - LENGTH_BYTES)
        return px_fail(err, PX_E_FORMAT, "the header of %llu bytes is cut short: %zu bytes follow",
                       (unsigned long long)n, size - LENGTH_BYTES);
    if (n == 0 || !begins)
        return px_fail(err, PX_E_FORMAT, "the header does not begin with '{'");
    *length = (size_t)n;
    return 0;
}

static int read_json(struct px_safetensors_header *header, const uint8_t *text, size_t length,
                     struct px_error *err)
{
    json_error_t error;

    header->json = json_loadb((const char *)text, length, JSON_REJECT_DUPLICATES, &error);
    if (header->json)
        return 0;
    if (json_error_code(&error) == json_error_out_of_memory)
        return px_fail(err, PX_E_NOMEM, "no memory for a header of %zu bytes", length);
    return px_fail(err, PX_E_FORMAT, "the header is not valid JSON: %s at byte %d", error.text,
                   error.position);
}

static int read_metadata(struct px_safetensors_header *header, json_t *object, struct px_error *err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return px_fail(err, PX_E_FORMAT, "%s is not an object of strings", metadata_key);
    header->list.metadata = calloc(json_object_size(object) + 1, sizeof *header->list.metadata);
    if (!header->list.metadata)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu metadata", json_object_size(object));
    json_object_foreach(object, key, value)
    {
        if (!json_is_string(value))
            return px_fail(err, PX_E_FORMAT, "%s '%.100s' is not a string", metadata_key, key);
        header->list.metadata[header->list.metadata_count++] =
            (struct px_metadata){key, json_string_value(value)};
    }
    return 0;
}

static bool is_size(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static int read_shape(struct px_tensor *tensor, const json_t *shape, struct px_error *err)
{
    size_t ndim = json_array_size(shape);

    if (!json_is_array(shape))
        return px_fail(err, PX_E_FORMAT, "tensor '%.100s' has no shape", tensor->name);
    if (ndim > PX_TENSOR_DIMS)
        return px_fail(err, PX_E_FORMAT, "tensor '%.100s' has %zu dimensions, at most %d can be",
                       tensor->name, ndim, PX_TENSOR_DIMS);
    tensor->ndim = (int)ndim;
    tensor->bytes = px_dtype_size(tensor->dtype);
    for (size_t i = 0; i < ndim; i++) {
        const json_t *dim = json_array_get(shape, i);
        if (!is_size(dim))
            return px_fail(err, PX_E_FORMAT,
                           "tensor '%.100s': dimension %zu of its shape is not a whole number >= 0",
                           tensor->name, i);
        tensor->shape[i] = json_integer_value(dim);
        if (!px_mul(tensor->bytes, (size_t)tensor->shape[i], &tensor->bytes))
            return px_fail(err, PX_E_FORMAT, "tensor '%.100s': its shape has too many elements",
                           tensor->name);
    }
    return 0;
}

/* The tensor's place among the `size` bytes of data behind the header. */
static int read_offsets(struct px_tensor *tensor, const json_t *offsets, const uint8_t *data,
                        size_t size, struct px_error *err)
{
    const json_t *begin = json_array_get(offsets, 0);
    const json_t *end = json_array_get(offsets, 1);

    if (json_array_size(offsets) != 2 || !is_size(begin) || !is_size(end))
        return px_fail(err, PX_E_FORMAT,
                       "tensor '%.100s': data_offsets are not two whole numbers >= 0",
                       tensor->name);
    size_t from = (size_t)json_integer_value(begin);
    size_t to = (size_t)json_integer_value(end);
    if (from > to || to - from != tensor->bytes)
        return px_fail(err, PX_E_FORMAT,
                       "tensor '%.100s': data_offsets [%zu,%zu] do not hold the %zu bytes of its "
                       "shape",
                       tensor->name, from, to, tensor->bytes);
    if (to > size)
        return px_fail(err, PX_E_FORMAT,
                       "tensor '%.100s' ends at byte %zu of %zu: the file is cut short",
                       tensor->name, to, size);
    tensor->data = data + from;
    return 0;
}

static int read_tensor(struct px_tensor *tensor, const json_t *entry, const uint8_t *data,
                       size_t size, struct px_error *err)
{
    const char *type = json_string_value(json_object_get(entry, "dtype"));

    if (!type)
        return px_fail(err, PX_E_FORMAT, "tensor '%.100s' has no dtype", tensor->name);
    tensor->dtype = type_of(type);
    if (tensor->dtype == PX_DTYPE_AUTO)
        return px_fail(err, PX_E_FORMAT,
                       "tensor '%.100s': dtype '%.20s' is not one of F32, BF16, F16, F64, I64, I8",
                       tensor->name, type);
    int rc = read_shape(tensor, json_object_get(entry, "shape"), err);
    if (rc)
        return rc;
    return read_offsets(tensor, json_object_get(entry, "data_offsets"), data, size, err);
}

static int by_place(const void *a, const void *b)
{
    const struct px_tensor *x = a;
    const struct px_tensor *y = b;

    if (x->data != y->data)
        return (const uint8_t *)x->data < (const uint8_t *)y->data ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes; /* empty ones first */
}

/* Every byte of data belongs to exactly one tensor. */
static int check_places(struct px_safetensors_header *header, const uint8_t *data, size_t size,
                        struct px_error *err)
{
    size_t place = 0;

    qsort(header->list.tensors, header->list.count, sizeof *header->list.tensors, by_place);
    for (size_t i = 0; i < header->list.count; i++) {
        const struct px_tensor *tensor = &header->list.tensors[i];
        size_t begin = (size_t)((const uint8_t *)tensor->data - data);
        if (begin < place)
            return px_fail(err, PX_E_FORMAT, "tensors '%.100s' and '%.100s' overlap at byte %zu",
                           tensor[-1].name, tensor->name, begin);
        if (begin > place)
            return px_fail(err, PX_E_FORMAT, "bytes %zu to %zu before tensor '%.100s' are unused",
                           place, begin, tensor->name);
        place += tensor->bytes;
    }
    assert(place <= size); /* read_offsets() */
    if (place != size)
        return px_fail(err, PX_E_FORMAT, "%zu bytes follow the last tensor", size - place);
    px_tensor_list_sort(&header->list);
    return 0;
}

static int read_entries(struct px_safetensors_header *header, const uint8_t *data, size_t size,
                        struct px_error *err)
{
    const char *key;
    json_t *value;

    header->list.tensors = calloc(json_object_size(header->json) + 1, sizeof *header->list.tensors);
    if (!header->list.tensors)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu tensors",
                       json_object_size(header->json));
    json_object_foreach(header->json, key, value)
    {
        int rc;
        if (strcmp(key, metadata_key) == 0) {
            rc = read_metadata(header, value, err);
        } else {
            header->list.tensors[header->list.count].name = key;
            rc = read_tensor(&header->list.tensors[header->list.count++], value, data, size, err);
        }
        if (rc)
            return rc;
    }
    return check_places(header, data, size, err);
}

int px_safetensors_header_read(struct px_safetensors_header *header, const uint8_t *data,
                               size_t size, struct px_error *err)
{
    size_t length = 0;
    int rc = read_length(data, size, &length, err);

    *header = (struct px_safetensors_header){0};
    if (!rc)
        rc = read_json(header, data + LENGTH_BYTES, length, err);
    if (!rc)
        rc = read_entries(header, data + LENGTH_BYTES + length, size - LENGTH_BYTES - length, err);
    if (rc)
        px_safetensors_header_clear(header);
    return rc;
}

void px_safetensors_header_clear(struct px_safetensors_header *header)
{
    free(header->list.tensors);
    free(header->list.metadata);
    json_decref(header->json);
    *header = (struct px_safetensors_header){0};
}
