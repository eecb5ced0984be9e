#include "model/dnn/parts/dnn_parts.h"

#include <omp.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/large.h"

/* oneDNN compiles its kernels when it needs them, and without such memory refuses some and crashes
 * in others. */
static bool may_compile(void)
{
    const size_t size = 4096;
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return true;
    bool may = mprotect(page, size, PROT_READ | PROT_EXEC) == 0;
    munmap(page, size);
    return may;
}

int px_dnn_check(dnnl_status_t status, const char *what, struct px_error *err)
{
    if (status == dnnl_success)
        return 0;
    if (status == dnnl_out_of_memory)
        return px_fail(err, PX_E_NOMEM, "no memory for oneDNN's %s", what);
    return px_fail(err, PX_E_INTERNAL, "oneDNN refused %s (status %d)", what, (int)status);
}

int px_dnn_create(struct px_dnn **out, int threads, struct px_error *err)
{
    if (!may_compile())
        return px_fail(err, PX_E_INTERNAL,
                       "oneDNN compiles code, and this process may not make memory executable; "
                       "start it without MemoryDenyWriteExecute= (systemd) or PR_SET_MDWE, or "
                       "allow execmem (SELinux)");
    struct px_dnn *dnn = calloc(1, sizeof *dnn);

    if (!dnn)
        return px_fail(err, PX_E_NOMEM, "no memory for a oneDNN context");
    dnn->threads = threads;
    omp_set_dynamic(0);
    omp_set_num_threads(threads);
    int rc = px_dnn_check(dnnl_engine_create(&dnn->engine, dnnl_cpu, 0), "an engine", err);
    if (!rc)
        rc = px_dnn_check(dnnl_stream_create(&dnn->stream, dnn->engine, dnnl_stream_default_flags),
                          "a stream", err);
    if (rc) {
        px_dnn_destroy(dnn);
        return rc;
    }
    *out = dnn;
    return 0;
}

void px_dnn_destroy(struct px_dnn *dnn)
{
    if (!dnn)
        return;
    if (dnn->stream)
        dnnl_stream_destroy(dnn->stream);
    if (dnn->engine)
        dnnl_engine_destroy(dnn->engine);
    free(dnn->scratch);
    free(dnn);
}

bool px_dnn_has_bf16(void)
{
    unsigned avx512 = dnnl_cpu_isa_avx512_core;

    return ((unsigned)dnnl_get_effective_cpu_isa() & avx512) == avx512;
}

size_t px_dnn_scratch_size(const struct px_dnn *dnn)
{
    return dnn->scratch_size;
}

int px_dnn_grow_scratch(struct px_dnn *dnn, size_t size, struct px_error *err)
{
    if (size <= dnn->scratch_size)
        return 0;
    size = (size + 4095) & ~(size_t)4095;
    void *scratch = px_large_alloc(size);
    if (!scratch)
        return px_fail(err, PX_E_NOMEM, "no memory for oneDNN's scratchpad of %zu bytes", size);
    free(dnn->scratch);
    dnn->scratch = scratch;
    dnn->scratch_size = size;
    return 0;
}
