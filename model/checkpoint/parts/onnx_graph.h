#ifndef MODEL_CHECKPOINT_PARTS_ONNX_GRAPH_H
#define MODEL_CHECKPOINT_PARTS_ONNX_GRAPH_H

/* Private to the ONNX files: a generator as the list of operators that ONNX knows. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/checkpoint/checkpoint.h"

enum { PX_ONNX_NAME = PX_NAME_MAX + 32, PX_ONNX_INPUTS = 5, PX_ONNX_ATTRIBUTES = 4 };

struct px_onnx_attribute {
    const char *name; /* NULL: none */
    const char *text; /* the value, unless NULL */
    int count;        /* of integers; if 0, the value is `text` if set, else `number` */
    int64_t integers[4];
    float number;
};

struct px_onnx_node {
    const char *op;
    char name[PX_ONNX_NAME];
    char inputs[PX_ONNX_INPUTS][PX_ONNX_NAME]; /* up to the first that is "" */
    char output[PX_ONNX_NAME];
    struct px_onnx_attribute attributes[PX_ONNX_ATTRIBUTES];
};

struct px_onnx_initializer {
    char name[PX_ONNX_NAME];
    int ndim;
    int64_t shape[4];
    enum { PX_ONNX_TENSOR, PX_ONNX_CONSTANT, PX_ONNX_INTEGERS } kind;
    const struct px_tensor *tensor; /* floats; belongs to the checkpoint */
    float constant;                 /* the value of all floats */
    int64_t integers[8];
};

struct px_onnx_graph {
    struct px_onnx_node *nodes; /* in order of execution */
    size_t node_count;
    struct px_onnx_initializer *initializers;
    size_t initializer_count;
};

/* The graph reads "input" and writes "output". NOMEM; on failure there is nothing to clear. */
int px_onnx_graph_init(struct px_onnx_graph *graph, const struct px_checkpoint *checkpoint,
                       bool running, struct px_error *err);
void px_onnx_graph_clear(struct px_onnx_graph *graph); /* accepts an all-zero one */

#endif
