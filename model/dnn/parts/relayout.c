#include "model/dnn/parts/relayout.h"

#include <string.h>

dnnl_status_t px_relayout_init(struct px_relayout *r, dnnl_engine_t engine,
                               const_dnnl_memory_desc_t from, const_dnnl_memory_desc_t to)
{
    dnnl_primitive_desc_t pd = NULL;

    memset(r, 0, sizeof *r);
    if (dnnl_memory_desc_equal(from, to))
        return dnnl_success;
    r->bytes = dnnl_memory_desc_get_size(to);
    dnnl_status_t s = dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, NULL);
    if (s == dnnl_success)
        s = dnnl_primitive_create(&r->reorder, pd);
    if (s == dnnl_success)
        s = dnnl_memory_create(&r->from, from, engine, DNNL_MEMORY_NONE);
    if (s == dnnl_success)
        s = dnnl_memory_create(&r->to, to, engine, DNNL_MEMORY_NONE);
    dnnl_primitive_desc_destroy(pd);
    return s;
}

void px_relayout_clear(struct px_relayout *r)
{
    dnnl_primitive_destroy(r->reorder);
    dnnl_memory_destroy(r->from);
    dnnl_memory_destroy(r->to);
}

dnnl_status_t px_relayout_run(const struct px_relayout *r, dnnl_stream_t stream, void *data,
                              void *copy, void **result)
{
    *result = data;
    if (!r->reorder)
        return dnnl_success;
    *result = copy;
    dnnl_memory_set_data_handle(r->from, data);
    dnnl_memory_set_data_handle(r->to, copy);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, r->from}, {DNNL_ARG_TO, r->to}};
    return dnnl_primitive_execute(r->reorder, stream, 2, args);
}
