#include "model/checkpoint/parts/onnx_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most that a layer needs: concatenation, activation, padding, convolution, norm and sum; and tanh
 * at the end. Besides the tensors of the state_dict: a norm's constants and the padding's width. */
enum { NODES_PER_LAYER = 6, LAST_NODES = 1, EXTRA_INITIALIZERS = 3 };

/* What a graph is made from. */
struct source {
    const struct px_checkpoint *checkpoint;
    bool running; /* batch norm by running statistics */
};

static bool uses_running(const struct source *source)
{
    return source->running && px_checkpoint_network(source->checkpoint)->norm == PX_NORM_BATCH;
}

static void add_input(struct px_onnx_node *node, const char *name)
{
    int i = 0;

    while (node->inputs[i][0])
        i++;
    snprintf(node->inputs[i], sizeof node->inputs[i], "%s", name);
}

/* A node that computes `output` and reads `input` first. */
static struct px_onnx_node *add_node(struct px_onnx_graph *graph, const char *op, const char *input,
                                     const char *output)
{
    struct px_onnx_node *node = &graph->nodes[graph->node_count++];

    node->op = op;
    snprintf(node->name, sizeof node->name, "%s", output);
    snprintf(node->output, sizeof node->output, "%s", output);
    add_input(node, input);
    return node;
}

/* Names the node as the module that it comes from, and lets it read that module's tensors. */
static void add_module(struct px_onnx_node *node, const char *module, const char *const *tensors,
                       int count)
{
    char name[PX_ONNX_NAME];

    snprintf(node->name, sizeof node->name, "%s", module);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s.%s", module, tensors[i]);
        add_input(node, name);
    }
}

static void name_value(char name[PX_ONNX_NAME], int layer, const char *what)
{
    snprintf(name, PX_ONNX_NAME, "layer%d.%s", layer, what);
}

/* What a layer gives, before the next one's activation; that of layer -1 is the picture. */
static void name_result(char name[PX_ONNX_NAME], const struct px_network *network, int layer)
{
    if (layer < 0)
        snprintf(name, PX_ONNX_NAME, "input");
    else if (network->layers[layer].residual >= 0)
        name_value(name, layer, "sum");
    else
        name_value(name, layer, network->layers[layer].has_norm ? "norm" : "conv");
}

/* What a layer reads, joined and activated. */
static void name_input(char name[PX_ONNX_NAME], const struct px_network *network, int layer)
{
    if (network->layers[layer].slope != 1)
        name_value(name, layer, "input");
    else if (network->layers[layer].skip >= 0)
        name_value(name, layer, "concat");
    else
        name_result(name, network, layer - 1);
}

static void add_concatenation(struct px_onnx_graph *graph, const struct px_network *network,
                              int index)
{
    char first[PX_ONNX_NAME], second[PX_ONNX_NAME], output[PX_ONNX_NAME];

    name_result(first, network, network->layers[index].skip);
    name_result(second, network, index - 1);
    name_value(output, index, "concat");
    struct px_onnx_node *node = add_node(graph, "Concat", first, output);
    add_input(node, second);
    node->attributes[0] = (struct px_onnx_attribute){.name = "axis", .count = 1, .integers = {1}};
}

static void add_activation(struct px_onnx_graph *graph, const struct px_network *network, int index)
{
    const struct px_layer *layer = &network->layers[index];
    char before[PX_ONNX_NAME], output[PX_ONNX_NAME];

    if (layer->skip >= 0)
        name_value(before, index, "concat");
    else
        name_result(before, network, index - 1);
    name_input(output, network, index);
    struct px_onnx_node *node =
        add_node(graph, layer->slope == 0 ? "Relu" : "LeakyRelu", before, output);
    if (layer->slope != 0)
        node->attributes[0] = (struct px_onnx_attribute){.name = "alpha", .number = layer->slope};
}

/* Mirrors the pixels beside the edge; `input` becomes the name of the result. */
static void add_reflection(struct px_onnx_graph *graph, const struct px_layer *layer, int index,
                           char input[PX_ONNX_NAME])
{
    struct px_onnx_initializer *widths = &graph->initializers[graph->initializer_count++];
    const int64_t pad = layer->pad;
    char output[PX_ONNX_NAME];

    name_value(widths->name, index, "pads");
    widths->ndim = 1;
    widths->shape[0] = 8;
    widths->kind = PX_ONNX_INTEGERS;
    memcpy(widths->integers, (const int64_t[]){0, 0, pad, pad, 0, 0, pad, pad},
           sizeof widths->integers);
    name_value(output, index, "padded");
    struct px_onnx_node *node = add_node(graph, "Pad", input, output);
    add_input(node, widths->name);
    node->attributes[0] = (struct px_onnx_attribute){.name = "mode", .text = "reflect"};
    memcpy(input, output, sizeof output);
}

static struct px_onnx_attribute pair(const char *name, int value)
{
    return (struct px_onnx_attribute){.name = name, .count = 2, .integers = {value, value}};
}

static void add_convolution(struct px_onnx_graph *graph, const struct px_layer *layer,
                            const char *input, const char *output)
{
    static const char *const tensors[] = {"weight", "bias"};
    struct px_onnx_node *node =
        add_node(graph, layer->transposed ? "ConvTranspose" : "Conv", input, output);
    const int64_t pad = layer->reflect ? 0 : layer->pad;

    add_module(node, layer->conv, tensors, layer->has_bias ? 2 : 1);
    node->attributes[0] = pair("kernel_shape", layer->kernel);
    node->attributes[1] =
        (struct px_onnx_attribute){.name = "pads", .count = 4, .integers = {pad, pad, pad, pad}};
    node->attributes[2] = pair("strides", layer->stride);
    if (layer->output_padding)
        node->attributes[3] = pair("output_padding", layer->output_padding);
}

static void add_norm(struct px_onnx_graph *graph, const struct px_layer *layer, bool running,
                     const char *input, const char *output)
{
    static const char *const tensors[] = {"weight", "bias", "running_mean", "running_var"};
    struct px_onnx_node *node =
        add_node(graph, running ? "BatchNormalization" : "InstanceNormalization", input, output);

    add_module(node, layer->norm, tensors, running ? 4 : 2);
    node->attributes[0] = (struct px_onnx_attribute){.name = "epsilon", .number = 1e-5f};
}

static void add_layer(struct px_onnx_graph *graph, const struct source *source, int index)
{
    const struct px_network *network = px_checkpoint_network(source->checkpoint);
    const struct px_layer *layer = &network->layers[index];
    char input[PX_ONNX_NAME], output[PX_ONNX_NAME], next[PX_ONNX_NAME];

    if (layer->skip >= 0)
        add_concatenation(graph, network, index);
    if (layer->slope != 1)
        add_activation(graph, network, index);
    name_input(input, network, index);
    if (layer->reflect)
        add_reflection(graph, layer, index, input);
    name_value(output, index, "conv");
    add_convolution(graph, layer, input, output);
    if (layer->has_norm) {
        name_value(next, index, "norm");
        add_norm(graph, layer, uses_running(source), output, next);
        memcpy(output, next, sizeof output);
    }
    if (layer->residual >= 0) {
        name_value(next, index, "sum");
        name_input(input, network, layer->residual);
        add_input(add_node(graph, "Add", output, next), input);
    }
    name_result(output, network, index);
    if (index == network->layer_count - 1)
        add_node(graph, "Tanh", output, "output");
}

static void add_tensor(struct px_onnx_graph *graph, const struct source *source,
                       const struct px_tensor_spec *spec)
{
    struct px_onnx_initializer *initializer = &graph->initializers[graph->initializer_count];
    const bool of_running = spec->role == PX_ROLE_RUNNING_MEAN || spec->role == PX_ROLE_RUNNING_VAR;

    if (spec->role == PX_ROLE_BATCHES || (of_running && !uses_running(source)))
        return;
    graph->initializer_count++;
    snprintf(initializer->name, sizeof initializer->name, "%s", spec->name);
    initializer->ndim = spec->ndim;
    initializer->kind = PX_ONNX_TENSOR;
    memcpy(initializer->shape, spec->shape, sizeof initializer->shape);
    initializer->tensor = px_checkpoint_tensor(source->checkpoint, spec->layer, spec->role);
}

/* InstanceNorm2d has no parameters, but ONNX's operator wants some. */
static void add_constant(struct px_onnx_graph *graph, const struct px_layer *layer,
                         const char *tensor, float value)
{
    struct px_onnx_initializer *initializer = &graph->initializers[graph->initializer_count++];

    snprintf(initializer->name, sizeof initializer->name, "%s.%s", layer->norm, tensor);
    initializer->ndim = 1;
    initializer->shape[0] = layer->out_channels;
    initializer->kind = PX_ONNX_CONSTANT;
    initializer->constant = value;
}

static void fill(struct px_onnx_graph *graph, const struct source *source,
                 const struct px_tensor_spec *specs, size_t count)
{
    const struct px_network *network = px_checkpoint_network(source->checkpoint);

    for (int i = 0; i < network->layer_count; i++)
        add_layer(graph, source, i);
    for (size_t i = 0; i < count; i++)
        add_tensor(graph, source, &specs[i]);
    for (int i = 0; i < network->layer_count; i++) {
        const struct px_layer *layer = &network->layers[i];
        if (!layer->has_norm || network->norm != PX_NORM_INSTANCE)
            continue;
        add_constant(graph, layer, "weight", 1);
        add_constant(graph, layer, "bias", 0);
    }
}

int px_onnx_graph_init(struct px_onnx_graph *graph, const struct px_checkpoint *checkpoint,
                       bool running, struct px_error *err)
{
    const struct source source = {checkpoint, running};
    const size_t layers = (size_t)px_checkpoint_network(checkpoint)->layer_count;
    size_t count = px_network_tensors(px_checkpoint_network(checkpoint), NULL, 0);
    struct px_tensor_spec *specs = calloc(count, sizeof *specs);

    *graph = (struct px_onnx_graph){
        .nodes = calloc(layers * NODES_PER_LAYER + LAST_NODES, sizeof *graph->nodes),
        .initializers = calloc(count + layers * EXTRA_INITIALIZERS, sizeof *graph->initializers),
    };
    if (!specs || !graph->nodes || !graph->initializers) {
        free(specs);
        px_onnx_graph_clear(graph);
        return px_fail(err, PX_E_NOMEM, "no memory for a graph of %zu layers", layers);
    }
    px_network_tensors(px_checkpoint_network(checkpoint), specs, count);
    fill(graph, &source, specs, count);
    free(specs);
    return 0;
}

void px_onnx_graph_clear(struct px_onnx_graph *graph)
{
    free(graph->nodes);
    free(graph->initializers);
    *graph = (struct px_onnx_graph){0};
}
