#include "model/engine/parts/pack.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/large.h"
#include "model/engine/algorithm.h"

struct entry { /* one layer in one layout; never changed once it is in the list */
    struct entry *next;
    int layer;
    bool folded, int8;
    struct px_conv_layout *layout;
    struct px_packed packed;
    void *memory;   /* holds everything that `packed` points to */
    float *vectors; /* what it has besides the weights */
    size_t vector_floats;
    size_t bytes;
};

struct px_pack {
    const struct px_checkpoint *checkpoint; /* borrowed */
    pthread_mutex_t lock;
    struct entry *entries;
    atomic_size_t bytes; /* read without the lock, under which a layer may take long to pack */
};

int px_pack_create(struct px_pack **out, const struct px_checkpoint *checkpoint,
                   struct px_error *err)
{
    struct px_pack *pack = calloc(1, sizeof *pack);

    if (!pack || pthread_mutex_init(&pack->lock, NULL) != 0) {
        free(pack);
        return px_fail(err, PX_E_NOMEM, "no memory for packed weights");
    }
    pack->checkpoint = checkpoint;
    *out = pack;
    return 0;
}

static void destroy_entry(struct entry *entry)
{
    px_conv_layout_destroy(entry->layout);
    px_large_unmap(entry->memory, entry->bytes);
    free(entry);
}

void px_pack_destroy(struct px_pack *pack)
{
    if (!pack)
        return;
    while (pack->entries) {
        struct entry *next = pack->entries->next;
        destroy_entry(pack->entries);
        pack->entries = next;
    }
    pthread_mutex_destroy(&pack->lock);
    free(pack);
}

bool px_pack_folds(const struct px_network *network, int layer, bool running)
{
    return running && network->norm == PX_NORM_BATCH && network->layers[layer].has_norm;
}

bool px_pack_has_bias(const struct px_network *network, int layer, bool running)
{
    return px_algorithm_has_bias(px_algorithm_of(&network->layers[layer])) &&
           (network->layers[layer].has_bias || px_pack_folds(network, layer, running));
}

/* The layer's weights as floats, the real ones or int8's whole numbers: a view if the file holds
 * aligned floats already, else a copy in *owned, which the caller frees. NULL if there is no
 * memory. */
static const float *as_floats(const struct px_checkpoint *checkpoint, const struct entry *entry,
                              float **owned)
{
    const struct px_tensor *tensor = px_checkpoint_tensor(checkpoint, entry->layer, PX_ROLE_WEIGHT);

    *owned = NULL;
    if (tensor->dtype == PX_F32 && (uintptr_t)tensor->data % sizeof(float) == 0)
        return tensor->data;
    *owned = malloc(px_tensor_count(tensor) * sizeof(float));
    if (*owned && entry->int8)
        px_tensor_to_f32(tensor, *owned);
    else if (*owned)
        px_checkpoint_weights(checkpoint, entry->layer, *owned);
    return *owned;
}

/* out[i] = the tensor in that role, or `otherwise` if the layer has none. */
static void small_tensor(const struct px_checkpoint *checkpoint, int layer,
                         enum px_tensor_role role, float otherwise, float *out)
{
    const struct px_tensor *tensor = px_checkpoint_tensor(checkpoint, layer, role);

    if (tensor) {
        px_tensor_to_f32(tensor, out);
        return;
    }
    for (int i = 0; i < px_checkpoint_network(checkpoint)->layers[layer].out_channels; i++)
        out[i] = otherwise;
}

/* What batch norm with running statistics does to a convolution: its weights times scale, its bias
 * becomes `bias`. Without folding: 1 and the bias. */
static int fold(const struct px_pack *pack, int layer, bool folded, float *scale_and_bias,
                struct px_error *err)
{
    const struct px_checkpoint *checkpoint = pack->checkpoint;
    int channels = px_checkpoint_network(checkpoint)->layers[layer].out_channels;
    float *scale = scale_and_bias, *bias = scale + channels;

    small_tensor(checkpoint, layer, PX_ROLE_BIAS, 0.0f, bias);
    for (int c = 0; c < channels; c++)
        scale[c] = 1.0f;
    if (!folded)
        return 0;
    float *norm = malloc(4 * (size_t)channels * sizeof *norm);
    if (!norm)
        return px_fail(err, PX_E_NOMEM, "no memory to fold a norm");
    float *gamma = norm, *beta = norm + channels, *mean = beta + channels, *var = mean + channels;
    small_tensor(checkpoint, layer, PX_ROLE_GAMMA, 1.0f, gamma);
    small_tensor(checkpoint, layer, PX_ROLE_BETA, 0.0f, beta);
    small_tensor(checkpoint, layer, PX_ROLE_RUNNING_MEAN, 0.0f, mean);
    small_tensor(checkpoint, layer, PX_ROLE_RUNNING_VAR, 1.0f, var);
    for (int c = 0; c < channels; c++) {
        scale[c] = gamma[c] / sqrtf(var[c] + 1e-5f);
        bias[c] = beta[c] + (bias[c] - mean[c]) * scale[c];
    }
    free(norm);
    return 0;
}

/* Rearranges the layer's weights, times scale, into plain oneDNN order and has the convolution pack
 * them. */
static int pack_weights(const struct px_pack *pack, const struct entry *entry, const float *scale,
                        struct px_conv *conv, struct px_error *err)
{
    const struct px_layer *layer = &px_checkpoint_network(pack->checkpoint)->layers[entry->layer];
    float *owned, *plain = NULL;
    const float *from = as_floats(pack->checkpoint, entry, &owned), *ready = from;
    int rc = from ? 0 : px_fail(err, PX_E_NOMEM, "no memory to pack %s.weight", layer->conv);

    if (!rc && (px_algorithm_repeats(px_algorithm_of(layer)) > 1 || entry->folded)) {
        ready = plain = malloc(px_algorithm_weights(layer) * sizeof *plain);
        if (plain)
            px_algorithm_arrange(layer, from, scale, plain);
        else
            rc = px_fail(err, PX_E_NOMEM, "no memory to pack %s.weight", layer->conv);
    }
    if (!rc)
        rc = px_conv_pack(conv, ready, entry->packed.weights, err);
    free(owned);
    free(plain);
    return rc;
}

/* Lays out the entry's memory: weights, then bias and scale once for each output in depth-to-space
 * order, gamma, beta, mean, and what the input is multiplied with. */
static int allocate(struct entry *entry, const struct px_layer *layer, size_t weights,
                    struct px_error *err)
{
    size_t channels = (size_t)layer->out_channels;
    size_t repeats = (size_t)px_algorithm_repeats(px_algorithm_of(layer));

    weights = (weights + 63) & ~(size_t)63;
    size_t floats = (2 * repeats + 3) * channels + (size_t)layer->in_channels;
    entry->bytes = (weights + floats * sizeof(float) + 63) & ~(size_t)63;
    entry->memory = px_large_map(entry->bytes);
    if (!entry->memory)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu bytes of weights", entry->bytes);
    entry->packed.weights = entry->memory;
    entry->vectors = (float *)(void *)((char *)entry->memory + weights);
    entry->vector_floats = floats;
    entry->packed.bias = entry->vectors;
    entry->packed.scale = entry->packed.bias + repeats * channels;
    entry->packed.gamma = entry->packed.scale + repeats * channels;
    entry->packed.beta = entry->packed.gamma + channels;
    entry->packed.mean = entry->packed.beta + channels;
    entry->packed.inverse = entry->packed.mean + channels;
    return 0;
}

/* Fills in what is left to do after a convolution without bias, and drops the rest. */
static void fill_vectors(const struct px_pack *pack, struct entry *entry, const float *bias)
{
    const struct px_network *network = px_checkpoint_network(pack->checkpoint);
    const struct px_layer *layer = &network->layers[entry->layer];
    enum px_algorithm algorithm = px_algorithm_of(layer);
    bool statistics = layer->has_norm && !entry->folded;
    struct px_packed *p = &entry->packed;
    size_t channels = (size_t)layer->out_channels;

    for (size_t i = 0; i < (size_t)px_algorithm_repeats(algorithm) * channels; i++)
        p->bias[i] = bias[i % channels];
    memset(p->mean, 0, channels * sizeof *p->mean);
    small_tensor(pack->checkpoint, entry->layer, PX_ROLE_GAMMA, 1.0f, p->gamma);
    small_tensor(pack->checkpoint, entry->layer, PX_ROLE_BETA, 0.0f, p->beta);
    if (statistics) {
        p->mean = NULL; /* and a bias that no convolution adds would cancel out */
    } else if (!px_algorithm_has_bias(algorithm) && (layer->has_bias || entry->folded)) {
        memcpy(p->beta, bias, channels * sizeof *bias);
        for (size_t c = 0; c < channels; c++)
            p->gamma[c] = 1.0f;
    } else {
        p->gamma = p->beta = p->mean = NULL;
    }
    if (!px_pack_has_bias(network, entry->layer, entry->folded))
        p->bias = NULL;
}

/* The scales of an int8 layer, of its result times `scale`. */
static void fill_scales(const struct px_pack *pack, struct entry *entry, const float *scale)
{
    const struct px_layer *layer = &px_checkpoint_network(pack->checkpoint)->layers[entry->layer];
    size_t channels = (size_t)layer->out_channels;
    size_t repeats = (size_t)px_algorithm_repeats(px_algorithm_of(layer));
    struct px_packed *p = &entry->packed;

    if (!entry->int8) {
        p->scale = p->inverse = NULL;
        return;
    }
    small_tensor(pack->checkpoint, entry->layer, PX_ROLE_WEIGHT_SCALE, 1.0f, p->scale);
    for (size_t c = 0; c < channels; c++)
        p->scale[c] *= scale[c];
    for (size_t r = 1; r < repeats; r++)
        memcpy(p->scale + r * channels, p->scale, channels * sizeof *p->scale);
    px_tensor_to_f32(px_checkpoint_tensor(pack->checkpoint, entry->layer, PX_ROLE_INPUT_SCALE),
                     p->inverse);
    for (int i = 0; i < layer->in_channels; i++)
        p->inverse[i] = 1.0f / p->inverse[i];
}

static int fill(struct px_pack *pack, struct entry *entry, struct px_conv *conv,
                struct px_error *err)
{
    const struct px_layer *layer = &px_checkpoint_network(pack->checkpoint)->layers[entry->layer];
    size_t channels = (size_t)layer->out_channels;
    int rc = allocate(entry, layer, px_conv_weights_size(conv), err);

    if (rc)
        return rc;
    entry->layout = px_conv_layout_create(conv);
    float *scale = malloc(2 * channels * sizeof *scale);
    if (!scale || !entry->layout) {
        free(scale);
        return px_fail(err, PX_E_NOMEM, "no memory to pack %s.weight", layer->conv);
    }
    rc = fold(pack, entry->layer, entry->folded, scale, err);
    if (!rc)
        fill_scales(pack, entry, scale);
    for (size_t c = 0; entry->int8 && c < channels; c++)
        scale[c] = 1.0f; /* the weights stay the whole numbers that they are */
    if (!rc)
        rc = pack_weights(pack, entry, scale, conv, err);
    if (!rc)
        fill_vectors(pack, entry, scale + channels);
    free(scale);
    return rc;
}

static float *moved(const struct entry *to, const struct entry *from, const float *vector)
{
    return vector ? to->vectors + (vector - from->vectors) : NULL;
}

/* The vectors behind the weights are the same for every layout. */
static void copy_vectors(struct entry *to, const struct entry *from)
{
    const struct px_packed *p = &from->packed;

    memcpy(to->vectors, from->vectors, from->vector_floats * sizeof *from->vectors);
    to->packed = (struct px_packed){.weights = to->packed.weights,
                                    .bias = moved(to, from, p->bias),
                                    .scale = moved(to, from, p->scale),
                                    .inverse = moved(to, from, p->inverse),
                                    .gamma = moved(to, from, p->gamma),
                                    .beta = moved(to, from, p->beta),
                                    .mean = moved(to, from, p->mean)};
}

/* Fills an entry without the file: the algorithm, and with it the order of the weights, depends on
 * the layer alone. */
static int fill_from(struct px_pack *pack, struct entry *entry, const struct entry *kin,
                     struct px_conv *conv, struct px_error *err)
{
    const struct px_layer *layer = &px_checkpoint_network(pack->checkpoint)->layers[entry->layer];
    int rc = allocate(entry, layer, px_conv_weights_size(conv), err);

    if (rc)
        return rc;
    entry->layout = px_conv_layout_create(conv);
    if (!entry->layout)
        return px_fail(err, PX_E_NOMEM, "no memory to pack %s.weight", layer->conv);
    copy_vectors(entry, kin);
    return px_conv_repack(conv, kin->layout, kin->packed.weights, entry->packed.weights, err);
}

/* Fills the entry from one of the layouts that there are; false if none can be reordered. */
static bool fill_from_others(struct px_pack *pack, struct entry *entry, struct px_conv *conv)
{
    for (const struct entry *kin = pack->entries; kin; kin = kin->next) {
        if (kin->layer != entry->layer || kin->folded != entry->folded || kin->int8 != entry->int8)
            continue;
        if (fill_from(pack, entry, kin, conv, NULL) == 0)
            return true;
        px_conv_layout_destroy(entry->layout);
        px_large_unmap(entry->memory, entry->bytes);
        entry->layout = NULL;
        entry->memory = NULL;
    }
    return false;
}

static int add(struct px_pack *pack, struct entry **out, const struct entry *key,
               struct px_conv *conv, struct px_error *err)
{
    struct entry *entry = malloc(sizeof *entry);

    if (!entry)
        return px_fail(err, PX_E_NOMEM, "no memory for packed weights");
    *entry = *key;
    /* A file that was written to in place is of no use any more, but what was read of it is. */
    int rc = px_checkpoint_check_file(pack->checkpoint, err);
    if (!rc)
        rc = fill(pack, entry, conv, err);
    else if (fill_from_others(pack, entry, conv))
        rc = 0;
    if (rc) {
        destroy_entry(entry);
        return rc;
    }
    entry->next = pack->entries;
    pack->entries = entry;
    atomic_fetch_add(&pack->bytes, entry->bytes);
    px_checkpoint_forget(pack->checkpoint); /* packed: once in memory is enough */
    *out = entry;
    return 0;
}

int px_pack_get(struct px_pack *pack, int layer, bool running, struct px_conv *conv,
                const struct px_packed **out, struct px_error *err)
{
    struct entry key = {.layer = layer,
                        .int8 = px_conv_weights_dtype(conv) == PX_S8,
                        .folded =
                            px_pack_folds(px_checkpoint_network(pack->checkpoint), layer, running)};
    struct entry *entry;
    int rc = 0;

    assert(layer >= 0 && layer < px_checkpoint_network(pack->checkpoint)->layer_count);
    assert(!running || px_checkpoint_has_running(pack->checkpoint));
    pthread_mutex_lock(&pack->lock);
    for (entry = pack->entries; entry; entry = entry->next)
        if (entry->layer == key.layer && entry->folded == key.folded &&
            px_conv_has_layout(conv, entry->layout))
            break;
    if (!entry)
        rc = add(pack, &entry, &key, conv, err);
    pthread_mutex_unlock(&pack->lock);
    if (!rc)
        *out = &entry->packed;
    return rc;
}

size_t px_pack_memory(struct px_pack *pack)
{
    return atomic_load(&pack->bytes);
}
