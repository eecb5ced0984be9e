#include "model/dnn/parts/conv_parts.h"

#include <assert.h>
#include <stdint.h>

size_t px_conv_weights_size(const struct px_conv *conv)
{
    return dnnl_memory_desc_get_size(px_conv_weights_desc(conv));
}

size_t px_conv_weights_expected(const struct px_conv_desc *desc)
{
    if (desc->winograd && desc->pass != PX_CONV_BACKWARD_WEIGHTS)
        return px_winograd_weights(desc) * sizeof(float);
    return (size_t)desc->oc * (size_t)desc->ic * (size_t)desc->kernel * (size_t)desc->kernel *
           px_dtype_size(desc->weights);
}

/* px_conv_layout is oneDNN's memory descriptor under another name. */
struct px_conv_layout *px_conv_layout_create(const struct px_conv *conv)
{
    dnnl_memory_desc_t copy = NULL;

    if (dnnl_memory_desc_clone(&copy, px_conv_weights_desc(conv)) != dnnl_success)
        return NULL;
    return (struct px_conv_layout *)copy;
}

void px_conv_layout_destroy(struct px_conv_layout *layout)
{
    dnnl_memory_desc_destroy((dnnl_memory_desc_t)layout);
}

bool px_conv_has_layout(const struct px_conv *conv, const struct px_conv_layout *layout)
{
    return dnnl_memory_desc_equal(px_conv_weights_desc(conv), (const_dnnl_memory_desc_t)layout) !=
           0;
}

enum px_dtype px_conv_weights_dtype(const struct px_conv *conv)
{
    return conv->desc.weights;
}

/* Int8 weights may carry sums in addition, which only reorders make. */
struct px_blocked *px_conv_create_blocked(const struct px_conv *conv)
{
    if (conv->winograd || conv->desc.weights == PX_S8)
        return NULL;
    return px_blocked_create(px_conv_weights_desc(conv));
}

/* Runs from -> to through *primitive, which is made when first needed. */
static int reorder(struct px_conv *conv, dnnl_primitive_t *primitive, dnnl_memory_t from,
                   dnnl_memory_t to, struct px_error *err)
{
    if (!*primitive) {
        const_dnnl_memory_desc_t a, b;
        dnnl_primitive_desc_t pd = NULL;
        dnnl_engine_t engine = conv->dnn->engine;

        dnnl_memory_get_memory_desc(from, &a);
        dnnl_memory_get_memory_desc(to, &b);
        dnnl_status_t s = dnnl_reorder_primitive_desc_create(&pd, a, engine, b, engine, NULL);
        if (s == dnnl_success)
            s = dnnl_primitive_create(primitive, pd);
        dnnl_primitive_desc_destroy(pd);
        if (s != dnnl_success)
            return px_dnn_check(s, "a reorder", err);
    }
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    return px_dnn_check(dnnl_primitive_execute(*primitive, conv->dnn->stream, 2, args),
                        "to reorder", err);
}

int px_conv_pack(struct px_conv *conv, const float *plain, void *packed, struct px_error *err)
{
    if (conv->winograd) {
        const struct px_winograd_packing packing = px_winograd_packing(conv->winograd);

        px_winograd_pack(&packing, plain, packed, conv->dnn->threads);
        return 0;
    }
    if (conv->blocked && conv->desc.weights == PX_F32) {
        px_blocked_pack_f32(conv->blocked, plain, packed, conv->dnn->threads);
        return 0;
    }
    if (conv->blocked && conv->desc.weights == PX_BF16) {
        px_blocked_pack_bf16(conv->blocked, plain, packed, conv->dnn->threads);
        return 0;
    }
    dnnl_memory_set_data_handle(conv->plain, (void *)(uintptr_t)plain);
    dnnl_memory_set_data_handle(conv->weights, packed);
    return reorder(conv, &conv->pack, conv->plain, conv->weights, err);
}

int px_conv_repack(struct px_conv *conv, const struct px_conv_layout *layout, const void *from,
                   void *packed, struct px_error *err)
{
    dnnl_primitive_t primitive = NULL;
    dnnl_memory_t memory = NULL;

    if (conv->winograd_weights)
        return px_fail(err, PX_E_INTERNAL, "packed weights do not become those of Winograd's");
    dnnl_status_t s = dnnl_memory_create(&memory, (const_dnnl_memory_desc_t)layout,
                                         conv->dnn->engine, (void *)(uintptr_t)from);
    int rc = px_dnn_check(s, "memory for a reorder", err);

    if (rc == 0) {
        dnnl_memory_set_data_handle(conv->weights, packed);
        rc = reorder(conv, &primitive, memory, conv->weights, err);
    }
    dnnl_primitive_destroy(primitive);
    dnnl_memory_destroy(memory);
    return rc;
}

int px_conv_unpack(struct px_conv *conv, const void *packed, float *plain, struct px_error *err)
{
    assert(!conv->winograd);
    if (conv->blocked && conv->desc.weights == PX_F32) {
        px_blocked_unpack_f32(conv->blocked, packed, plain, conv->dnn->threads);
        return 0;
    }
    dnnl_memory_set_data_handle(conv->weights, (void *)(uintptr_t)packed);
    dnnl_memory_set_data_handle(conv->plain, plain);
    return reorder(conv, &conv->unpack, conv->weights, conv->plain, err);
}
