#include "model/checkpoint/onnx.h"

#include <stdio.h>
#include <string.h>

#include "model/checkpoint/parts/checkpoint_parts.h"
#include "model/checkpoint/parts/onnx_graph.h"
#include "model/formats/protobuf.h"

/* Field numbers and values of onnx.proto3. */
enum { IR_VERSION = 7, OPSET = 13, TYPE_FLOAT = 1, TYPE_INT64 = 7 };
enum { MODEL_IR = 1, MODEL_PRODUCER = 2, MODEL_PRODUCER_VERSION = 3, MODEL_DOC = 6 };
enum { MODEL_GRAPH = 7, MODEL_OPSET = 8, MODEL_METADATA = 14, OPSET_VERSION = 2 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_FLOAT = 2, ATTRIBUTE_INT = 3, ATTRIBUTE_STRING = 4 };
enum { ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20 };
enum { IS_FLOAT = 1, IS_INT = 2, IS_STRING = 3, IS_INTS = 7 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_PARAM = 2 };

/* Readers refuse a message of 2^31 bytes; a bound on one side of it is enough. */
#define LARGEST_MESSAGE ((uint64_t)INT32_MAX)
enum { CHUNK = 4096 }; /* elements that are converted at a time */

struct model {
    const struct px_checkpoint *checkpoint;
    struct px_onnx_graph graph;
    struct px_checkpoint_metadata metadata;
    const char *test_norm;
    char description[400];
};

struct value { /* input or output of the graph */
    const char *name;
    int channels;
};

static void fill_dim(struct px_protobuf *pb, const void *context)
{
    px_protobuf_string(pb, DIM_PARAM, context);
}

static void fill_channels(struct px_protobuf *pb, const void *context)
{
    const struct value *value = context;

    px_protobuf_integer(pb, DIM_VALUE, value->channels);
}

static void fill_shape(struct px_protobuf *pb, const void *context)
{
    px_protobuf_message(pb, SHAPE_DIM, fill_dim, "batch");
    px_protobuf_message(pb, SHAPE_DIM, fill_channels, context);
    px_protobuf_message(pb, SHAPE_DIM, fill_dim, "height");
    px_protobuf_message(pb, SHAPE_DIM, fill_dim, "width");
}

static void fill_tensor_type(struct px_protobuf *pb, const void *context)
{
    px_protobuf_integer(pb, TENSOR_ELEMENT, TYPE_FLOAT);
    px_protobuf_message(pb, TENSOR_SHAPE, fill_shape, context);
}

static void fill_type(struct px_protobuf *pb, const void *context)
{
    px_protobuf_message(pb, TYPE_TENSOR, fill_tensor_type, context);
}

static void fill_value(struct px_protobuf *pb, const void *context)
{
    const struct value *value = context;

    px_protobuf_string(pb, VALUE_NAME, value->name);
    px_protobuf_message(pb, VALUE_TYPE, fill_type, value);
}

static void fill_attribute(struct px_protobuf *pb, const void *context)
{
    const struct px_onnx_attribute *attribute = context;

    px_protobuf_string(pb, ATTRIBUTE_NAME, attribute->name);
    if (attribute->text) {
        px_protobuf_string(pb, ATTRIBUTE_STRING, attribute->text);
        px_protobuf_integer(pb, ATTRIBUTE_TYPE, IS_STRING);
    } else if (attribute->count == 0) {
        px_protobuf_float(pb, ATTRIBUTE_FLOAT, attribute->number);
        px_protobuf_integer(pb, ATTRIBUTE_TYPE, IS_FLOAT);
    } else if (attribute->count == 1) {
        px_protobuf_integer(pb, ATTRIBUTE_INT, attribute->integers[0]);
        px_protobuf_integer(pb, ATTRIBUTE_TYPE, IS_INT);
    } else {
        for (int i = 0; i < attribute->count; i++)
            px_protobuf_integer(pb, ATTRIBUTE_INTS, attribute->integers[i]);
        px_protobuf_integer(pb, ATTRIBUTE_TYPE, IS_INTS);
    }
}

static void fill_node(struct px_protobuf *pb, const void *context)
{
    const struct px_onnx_node *node = context;

    for (int i = 0; i < PX_ONNX_INPUTS && node->inputs[i][0]; i++)
        px_protobuf_string(pb, NODE_INPUT, node->inputs[i]);
    px_protobuf_string(pb, NODE_OUTPUT, node->output);
    px_protobuf_string(pb, NODE_NAME, node->name);
    px_protobuf_string(pb, NODE_OP, node->op);
    for (int i = 0; i < PX_ONNX_ATTRIBUTES && node->attributes[i].name; i++)
        px_protobuf_message(pb, NODE_ATTRIBUTE, fill_attribute, &node->attributes[i]);
}

/* Floats start .. start + count. */
static void put_chunk(struct px_protobuf *pb, const struct px_onnx_initializer *initializer,
                      size_t start, size_t count)
{
    const struct px_tensor *tensor = initializer->tensor;
    float values[CHUNK];

    if (initializer->kind == PX_ONNX_TENSOR) {
        size_t bytes = px_dtype_size(tensor->dtype);
        px_tensor_to_f32(&(struct px_tensor){.dtype = tensor->dtype,
                                             .ndim = 1,
                                             .shape = {(int64_t)count},
                                             .data = (const uint8_t *)tensor->data + start * bytes,
                                             .bytes = count * bytes},
                         values);
    } else {
        for (size_t i = 0; i < count; i++)
            values[i] = initializer->constant;
    }
    px_protobuf_raw(pb, values, count * sizeof *values);
}

static void fill_initializer(struct px_protobuf *pb, const void *context)
{
    const struct px_onnx_initializer *initializer = context;
    const bool integers = initializer->kind == PX_ONNX_INTEGERS;
    size_t count = 1;

    for (int i = 0; i < initializer->ndim; i++) {
        px_protobuf_integer(pb, TENSOR_DIMS, initializer->shape[i]);
        count *= (size_t)initializer->shape[i];
    }
    px_protobuf_integer(pb, TENSOR_TYPE, integers ? TYPE_INT64 : TYPE_FLOAT);
    px_protobuf_string(pb, TENSOR_NAME, initializer->name);
    if (!px_protobuf_bytes(pb, TENSOR_RAW, count * (integers ? sizeof(int64_t) : sizeof(float))))
        return;
    if (integers)
        px_protobuf_raw(pb, initializer->integers, count * sizeof *initializer->integers);
    for (size_t i = 0; !integers && i < count; i += CHUNK)
        put_chunk(pb, initializer, i, count - i < CHUNK ? count - i : CHUNK);
}

static void fill_graph(struct px_protobuf *pb, const void *context)
{
    const struct model *model = context;
    const struct px_network *network = px_checkpoint_network(model->checkpoint);

    for (size_t i = 0; i < model->graph.node_count; i++)
        px_protobuf_message(pb, GRAPH_NODE, fill_node, &model->graph.nodes[i]);
    px_protobuf_string(pb, GRAPH_NAME, network->architecture);
    for (size_t i = 0; i < model->graph.initializer_count; i++)
        px_protobuf_message(pb, GRAPH_INITIALIZER, fill_initializer, &model->graph.initializers[i]);
    px_protobuf_message(pb, GRAPH_INPUT, fill_value, &(struct value){"input", network->input_nc});
    px_protobuf_message(pb, GRAPH_OUTPUT, fill_value,
                        &(struct value){"output", network->output_nc});
}

static void fill_opset(struct px_protobuf *pb, const void *context)
{
    (void)context; /* the domain is the default one */
    px_protobuf_integer(pb, OPSET_VERSION, OPSET);
}

static void fill_entry(struct px_protobuf *pb, const void *context)
{
    const struct px_metadata *entry = context;

    px_protobuf_string(pb, ENTRY_KEY, entry->key);
    px_protobuf_string(pb, ENTRY_VALUE, entry->value);
}

static void fill_model(struct px_protobuf *pb, const void *context)
{
    const struct model *model = context;

    px_protobuf_integer(pb, MODEL_IR, IR_VERSION);
    px_protobuf_string(pb, MODEL_PRODUCER, "pix2pixd");
    px_protobuf_string(pb, MODEL_PRODUCER_VERSION, PX_VERSION);
    px_protobuf_string(pb, MODEL_DOC, model->description);
    px_protobuf_message(pb, MODEL_GRAPH, fill_graph, model);
    px_protobuf_message(pb, MODEL_OPSET, fill_opset, NULL);
    for (int i = 0; i < PX_NETWORK_KEYS; i++)
        px_protobuf_message(pb, MODEL_METADATA, fill_entry, &model->metadata.entries[i]);
    if (px_checkpoint_network(model->checkpoint)->norm == PX_NORM_BATCH)
        px_protobuf_message(pb, MODEL_METADATA, fill_entry,
                            &(struct px_metadata){"test_norm", model->test_norm});
}

static void describe(struct model *model, bool running)
{
    const struct px_network *network = px_checkpoint_network(model->checkpoint);
    const char *norm = "no norm";

    if (network->norm == PX_NORM_INSTANCE)
        norm = "instance norm";
    else if (network->norm == PX_NORM_BATCH)
        norm = running ? "batch norm by its running statistics (norm=running, the reference's "
                         "--eval)"
                       : "batch norm by the statistics of each picture (norm=batch, the "
                         "reference's default)";
    model->test_norm = running ? "running" : "batch";
    px_checkpoint_describe(&model->metadata, network);
    snprintf(model->description, sizeof model->description,
             "pix2pix generator %s, %s, dropout off. Pictures are RGB or whatever it was trained "
             "on, NCHW, in [-1, 1]: v / 127.5 - 1; height and width are multiples of %d.",
             network->architecture, norm, px_network_multiple(network));
}

static int write_file(const char *path, const struct model *model, struct px_error *err)
{
    const uint64_t size = px_protobuf_measure(fill_model, model);
    struct px_file_writer file;
    struct px_protobuf pb;

    if (size > LARGEST_MESSAGE)
        return px_fail(err, PX_E_INVALID,
                       "%s: the model takes %llu bytes and ONNX's format allows %llu: use a "
                       "network with a smaller ngf",
                       path, (unsigned long long)size, (unsigned long long)LARGEST_MESSAGE);
    int rc = px_file_open(&file, path, err);
    if (rc)
        return rc;
    px_protobuf_init(&pb, &file, err);
    fill_model(&pb, model);
    rc = px_protobuf_flush(&pb);
    if (rc) {
        px_file_abandon(&file);
        return rc;
    }
    return px_file_commit(&file, err);
}

int px_onnx_save(const char *path, const struct px_checkpoint *checkpoint, enum px_norm_mode mode,
                 struct px_error *err)
{
    const bool running = mode == PX_TEST_RUNNING;
    struct model model = {.checkpoint = checkpoint};

    if (running && !px_checkpoint_has_running(checkpoint))
        return px_fail(err, PX_E_INVALID,
                       "%s: the checkpoint has no running statistics: use norm=batch", path);
    int rc = px_checkpoint_check_real(checkpoint, err);
    if (!rc)
        rc = px_onnx_graph_init(&model.graph, checkpoint, running, err);
    if (rc) {
        px_error_prefix(err, path);
        return rc;
    }
    describe(&model, running);
    rc = write_file(path, &model, err);
    px_onnx_graph_clear(&model.graph);
    return rc;
}
