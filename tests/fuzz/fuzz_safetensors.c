#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoint/parts/checkpoint_parts.h"
#include "model/checkpoint/quantise.h"
#include "model/formats/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touches every byte of every tensor; each must be found by its name and lie in the file. */
static void use_tensors(const struct px_safetensors *file, const uint8_t *data, size_t size)
{
    size_t bytes = 0;

    for (size_t i = 0; i < px_safetensors_list(file)->count; i++) {
        const struct px_tensor *tensor = &px_safetensors_list(file)->tensors[i];
        float *values = malloc(px_tensor_count(tensor) * sizeof *values + 1);
        if (!values || px_tensor_find(px_safetensors_list(file), tensor->name) != tensor ||
            (const uint8_t *)tensor->data < data ||
            (const uint8_t *)tensor->data + tensor->bytes > data + size)
            abort();
        px_tensor_to_f32(tensor, values);
        free(values);
        bytes += tensor->bytes;
    }
    if (bytes > size)
        abort();
    for (size_t i = 0; i < px_safetensors_list(file)->metadata_count; i++) {
        struct px_metadata entry = px_safetensors_list(file)->metadata[i];
        if (px_metadata_find(px_safetensors_list(file), entry.key) != entry.value)
            abort();
    }
}

/* The real weights of a layer, which the file's int8 ones and their scales stand for. */
static void use_quantised(const struct px_layer *layer, const struct px_tensor *const *found)
{
    float *values = malloc(px_tensor_count(found[PX_ROLE_WEIGHT]) * sizeof *values + 1);

    if (!values)
        abort();
    px_dequantise(layer, found[PX_ROLE_WEIGHT], found[PX_ROLE_WEIGHT_SCALE],
                  found[PX_ROLE_INPUT_SCALE], values);
    free(values);
}

/* Assigns the tensors of a network to its layers; whatever is accepted has all the weights. */
static void use_network(const struct px_tensor_list *list)
{
    struct px_network network;
    struct px_checkpoint_binding binding;
    struct px_checkpoint_notes notes = {0};
    const struct px_tensor_spec *spec;
    bool has_running;
    struct px_error err;

    if (px_checkpoint_infer(&network, list, &notes, &err) != 0)
        return;
    px_checkpoint_bind_init(&binding, &network, PX_E_FORMAT);
    for (size_t i = 0; i < list->count; i++)
        if (px_checkpoint_bind(&binding, &list->tensors[i], &spec, &err) != 0)
            return;
    if (px_checkpoint_bind_check(&binding, &has_running, &err) != 0)
        return;
    for (int i = 0; i < network.layer_count; i++) {
        if (!binding.found[i][PX_ROLE_WEIGHT])
            abort();
        px_checkpoint_check_finite(binding.found[i][PX_ROLE_WEIGHT], &err);
        if (binding.found[i][PX_ROLE_WEIGHT]->dtype == PX_S8)
            use_quantised(&network.layers[i], binding.found[i]);
    }
}

/* Explaining what a file without a generator holds is slow beside reading it: one in 16 will do. */
static bool is_worth(const struct px_tensor_list *list, size_t size)
{
    return size % 16 == 0 || px_tensor_find(list, "model.model.0.weight") ||
           px_tensor_find(list, "model.1.weight");
}

/* Takes the file for a checkpoint, as if it were opened. */
static void use_checkpoint(const struct px_safetensors *file, size_t size)
{
    struct px_checkpoint_selection selection = {0};
    struct px_error err;

    if (px_checkpoint_select(&selection, px_safetensors_list(file), PX_SELECT_G, NULL, &err) == 0 &&
        is_worth(&selection.list, size))
        use_network(&selection.list);
    px_checkpoint_selection_clear(&selection);
    px_checkpoint_select(&selection, px_safetensors_list(file), PX_SELECT_D, NULL, &err);
    px_checkpoint_selection_clear(&selection);
}

static void use(const uint8_t *data, size_t size)
{
    struct px_safetensors *file;
    struct px_error err;

    if (px_safetensors_parse(&file, data, size, &err) != 0)
        return;
    use_tensors(file, data, size);
    use_checkpoint(file, size);
    px_safetensors_close(file);
}

/* Runs the input as it is, and again with the length field set to end the header at the last '}',
 * so that mutations of the JSON text are not all refused for their length. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *brace = size > 8 ? memrchr(data + 8, '}', size - 8) : NULL;

    use(data, size);
    if (!brace)
        return 0;
    uint8_t *repaired = malloc(size);
    if (!repaired)
        abort();
    memcpy(repaired, data, size);
    uint64_t length = (uint64_t)(brace + 1 - (data + 8));
    memcpy(repaired, &length, sizeof length);
    use(repaired, size);
    free(repaired);
    return 0;
}
