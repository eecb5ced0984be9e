#include "tests/model/checkpoint/onnx_reader.h"

#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

struct wire {
    const uint8_t *p, *end;
};

struct field {
    unsigned number;
    unsigned type;
    uint64_t integer;  /* types 0 and 5 */
    struct wire bytes; /* type 2 */
};

static uint64_t read_varint(struct wire *w)
{
    uint64_t value = 0;

    for (int shift = 0; shift < 64; shift += 7) {
        assert_true(w->p < w->end);
        value |= (uint64_t)(*w->p & 0x7f) << shift;
        if (!(*w->p++ & 0x80))
            return value;
    }
    fail_msg("a varint has more than ten bytes");
    return 0;
}

/* Reads the next field; 0 at the end of the message. */
static int next(struct wire *w, struct field *f)
{
    if (w->p == w->end)
        return 0;
    uint64_t tag = read_varint(w);
    *f = (struct field){.number = (unsigned)(tag >> 3), .type = (unsigned)(tag & 7)};
    if (f->type == 0) {
        f->integer = read_varint(w);
    } else if (f->type == 2) {
        uint64_t size = read_varint(w);
        assert_true(size <= (uint64_t)(w->end - w->p));
        f->bytes = (struct wire){w->p, w->p + size};
        w->p += size;
    } else {
        assert_int_equal(f->type, 5);
        assert_true(w->end - w->p >= 4);
        for (int i = 0; i < 4; i++)
            f->integer |= (uint64_t)*w->p++ << (8 * i);
    }
    return 1;
}

static void copy_text(char *out, size_t room, const struct field *f)
{
    size_t n = (size_t)(f->bytes.end - f->bytes.p);

    assert_int_equal(f->type, 2);
    assert_true(n < room);
    memcpy(out, f->bytes.p, n);
    out[n] = 0;
}

static int64_t integer(const struct field *f)
{
    assert_int_equal(f->type, 0);
    return (int64_t)f->integer;
}

static void read_attribute(struct onnx_attribute *a, struct wire w)
{
    *a = (struct onnx_attribute){0};
    for (struct field f; next(&w, &f);) {
        if (f.number == 1)
            copy_text(a->name, sizeof a->name, &f);
        else if (f.number == 2) {
            uint32_t bits = (uint32_t)f.integer;
            assert_int_equal(f.type, 5);
            memcpy(&a->number, &bits, sizeof bits);
        } else if (f.number == 3 || f.number == 8) {
            assert_true(a->count < ONNX_INTEGERS);
            a->integers[a->count++] = integer(&f);
        } else if (f.number == 4)
            copy_text(a->string, sizeof a->string, &f);
        else if (f.number == 20)
            a->type = integer(&f);
        else
            fail_msg("attribute field %u", f.number);
    }
}

static void read_node(struct onnx_node *node, struct wire w)
{
    *node = (struct onnx_node){0};
    for (struct field f; next(&w, &f);) {
        if (f.number == 1) {
            assert_true(node->input_count < ONNX_INPUTS);
            copy_text(node->inputs[node->input_count++], ONNX_NAME, &f);
        } else if (f.number == 2) {
            assert_int_equal(node->output[0], 0); /* only one */
            copy_text(node->output, sizeof node->output, &f);
        } else if (f.number == 3)
            copy_text(node->name, sizeof node->name, &f);
        else if (f.number == 4)
            copy_text(node->op, sizeof node->op, &f);
        else if (f.number == 5) {
            assert_true(node->attribute_count < ONNX_ATTRIBUTES);
            read_attribute(&node->attributes[node->attribute_count++], f.bytes);
        } else
            fail_msg("node field %u", f.number);
    }
}

static void read_tensor(struct onnx_tensor *tensor, struct wire w)
{
    *tensor = (struct onnx_tensor){0};
    for (struct field f; next(&w, &f);) {
        if (f.number == 1) {
            assert_true(tensor->ndim < ONNX_INTEGERS);
            tensor->shape[tensor->ndim++] = integer(&f);
        } else if (f.number == 2)
            tensor->type = integer(&f);
        else if (f.number == 8)
            copy_text(tensor->name, sizeof tensor->name, &f);
        else if (f.number == 9) {
            tensor->data = f.bytes.p;
            tensor->bytes = (size_t)(f.bytes.end - f.bytes.p);
        } else
            fail_msg("tensor field %u", f.number);
    }
}

/* The one field of `number` in a message that holds nothing else. */
static struct wire only(struct wire w, unsigned number)
{
    struct field f = {0};

    assert_true(next(&w, &f));
    assert_int_equal(f.number, number);
    assert_int_equal(f.type, 2);
    assert_true(w.p == w.end);
    return f.bytes;
}

static void read_shape(struct onnx_value *value, struct wire w)
{
    for (struct field f, dim; next(&w, &f); value->ndim++) {
        assert_int_equal(f.number, 1);
        assert_true(value->ndim < ONNX_INTEGERS);
        assert_true(next(&f.bytes, &dim));
        if (dim.number == 1)
            value->numbers[value->ndim] = integer(&dim);
        else
            copy_text(value->names[value->ndim], ONNX_NAME, &dim);
        assert_true(f.bytes.p == f.bytes.end);
    }
}

static void read_value(struct onnx_value *value, struct wire w)
{
    *value = (struct onnx_value){0};
    for (struct field f, t; next(&w, &f);) {
        if (f.number == 1) {
            copy_text(value->name, sizeof value->name, &f);
            continue;
        }
        assert_int_equal(f.number, 2);
        struct wire type = only(f.bytes, 1);
        while (next(&type, &t)) {
            if (t.number == 1)
                value->type = integer(&t);
            else
                read_shape(value, t.bytes);
        }
    }
}

/* One element more in a growing list. */
static void *grow(void *list, int *count, size_t size)
{
    void *more = realloc(list, (size_t)(*count + 1) * size);

    assert_non_null(more);
    ++*count;
    return more;
}

static void read_graph(struct onnx_model *m, struct wire w)
{
    for (struct field f; next(&w, &f);) {
        switch (f.number) {
        case 1:
            m->nodes = grow(m->nodes, &m->node_count, sizeof *m->nodes);
            read_node(&m->nodes[m->node_count - 1], f.bytes);
            break;
        case 2:
            copy_text(m->graph_name, sizeof m->graph_name, &f);
            break;
        case 5:
            m->tensors = grow(m->tensors, &m->tensor_count, sizeof *m->tensors);
            read_tensor(&m->tensors[m->tensor_count - 1], f.bytes);
            break;
        case 11:
            m->input_count++;
            read_value(&m->input, f.bytes);
            break;
        case 12:
            m->output_count++;
            read_value(&m->output, f.bytes);
            break;
        default:
            fail_msg("graph field %u", f.number);
        }
    }
}

static void read_entry(struct onnx_entry *entry, struct wire w)
{
    *entry = (struct onnx_entry){0};
    for (struct field f; next(&w, &f);)
        copy_text(f.number == 1 ? entry->key : entry->value, ONNX_NAME, &f);
}

void onnx_open(struct onnx_model *m, const char *path)
{
    struct px_error err = {.message = ""};

    *m = (struct onnx_model){0};
    if (px_file_read(path, 1 << 24, &m->file, &m->size, &err) != 0)
        fail_msg("%s", err.message);
    struct wire w = {m->file, m->file + m->size}, opset;
    for (struct field f, version; next(&w, &f);) {
        switch (f.number) {
        case 1:
            m->ir_version = integer(&f);
            break;
        case 2:
            copy_text(m->producer, sizeof m->producer, &f);
            break;
        case 3:
            copy_text(m->version, sizeof m->version, &f);
            break;
        case 6:
            copy_text(m->doc, sizeof m->doc, &f);
            break;
        case 7:
            read_graph(m, f.bytes);
            break;
        case 8:
            opset = f.bytes;
            assert_true(next(&opset, &version));
            assert_int_equal(version.number, 2);
            assert_true(opset.p == opset.end);
            m->opset = integer(&version);
            break;
        case 14:
            assert_true(m->metadata_count < 16);
            read_entry(&m->metadata[m->metadata_count++], f.bytes);
            break;
        default:
            fail_msg("model field %u", f.number);
        }
    }
}

void onnx_close(struct onnx_model *m)
{
    free(m->nodes);
    free(m->tensors);
    free(m->file);
}

const struct onnx_tensor *onnx_find(const struct onnx_model *m, const char *name)
{
    for (int i = 0; i < m->tensor_count; i++)
        if (strcmp(m->tensors[i].name, name) == 0)
            return &m->tensors[i];
    return NULL;
}

const char *onnx_metadata(const struct onnx_model *m, const char *key)
{
    for (int i = 0; i < m->metadata_count; i++)
        if (strcmp(m->metadata[i].key, key) == 0)
            return m->metadata[i].value;
    return NULL;
}

const struct onnx_attribute *onnx_attribute(const struct onnx_node *node, const char *name)
{
    for (int i = 0; i < node->attribute_count; i++)
        if (strcmp(node->attributes[i].name, name) == 0)
            return &node->attributes[i];
    return NULL;
}
