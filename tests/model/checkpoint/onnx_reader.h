#ifndef TESTS_MODEL_CHECKPOINT_ONNX_READER_H
#define TESTS_MODEL_CHECKPOINT_ONNX_READER_H

/* ONNX models for tests: read from the wire format, without the code that writes them, and run from
 * the definition of every operator, in doubles, slow and obvious. Anything unexpected fails the
 * test. */

#include <stddef.h>
#include <stdint.h>

enum { ONNX_NAME = 128, ONNX_INPUTS = 6, ONNX_ATTRIBUTES = 6, ONNX_INTEGERS = 8 };
enum { ONNX_FLOAT = 1, ONNX_INT64 = 7 }; /* TensorProto.DataType */

struct onnx_attribute {
    char name[ONNX_NAME];
    char string[ONNX_NAME];
    int64_t type; /* AttributeProto.AttributeType: 1 float, 2 int, 3 string, 7 ints */
    float number;
    int count;
    int64_t integers[ONNX_INTEGERS];
};

struct onnx_node {
    char op[ONNX_NAME], name[ONNX_NAME], output[ONNX_NAME];
    char inputs[ONNX_INPUTS][ONNX_NAME];
    int input_count;
    struct onnx_attribute attributes[ONNX_ATTRIBUTES];
    int attribute_count;
};

struct onnx_tensor {
    char name[ONNX_NAME];
    int64_t type;
    int ndim;
    int64_t shape[ONNX_INTEGERS];
    const uint8_t *data; /* in the file; not aligned */
    size_t bytes;
};

struct onnx_value { /* a name and its shape; a dimension is a name or a number */
    char name[ONNX_NAME];
    int64_t type;
    int ndim;
    char names[ONNX_INTEGERS][ONNX_NAME];
    int64_t numbers[ONNX_INTEGERS];
};

struct onnx_entry {
    char key[ONNX_NAME], value[ONNX_NAME];
};

struct onnx_model {
    uint8_t *file;
    size_t size;
    int64_t ir_version, opset;
    char producer[ONNX_NAME], version[ONNX_NAME], graph_name[ONNX_NAME], doc[512];
    struct onnx_node *nodes;
    int node_count;
    struct onnx_tensor *tensors;
    int tensor_count;
    struct onnx_value input, output;
    int input_count, output_count;
    struct onnx_entry metadata[16];
    int metadata_count;
};

void onnx_open(struct onnx_model *model, const char *path);
void onnx_close(struct onnx_model *model);
/* NULL where there is none of that name. */
const struct onnx_tensor *onnx_find(const struct onnx_model *model, const char *name);
const char *onnx_metadata(const struct onnx_model *model, const char *key);
const struct onnx_attribute *onnx_attribute(const struct onnx_node *node, const char *name);

struct onnx_array { /* nchw */
    int n, c, h, w;
    double *data;
};

/* Everything that a run computed: one array per node, in their order. */
struct onnx_run {
    const struct onnx_model *model;
    const struct onnx_array *input;
    struct onnx_array *results;
};

/* `input` must outlive the run. */
void onnx_run(struct onnx_run *run, const struct onnx_model *model, const struct onnx_array *input);
/* The result of that name; fails the test where no node gives it. */
const struct onnx_array *onnx_result(const struct onnx_run *run, const char *name);
void onnx_run_free(struct onnx_run *run);

#endif
