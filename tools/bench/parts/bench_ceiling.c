#include "tools/bench/parts/bench_ceiling.h"

#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>

#include "base/clock.h"
#include "tools/bench/bench_times.h"

enum { MATMUL_ROWS = 1024, MATMUL_SIDE = 2048, LEAST_RUNS = 2, MOST_RUNS = 10, READINGS = 5 };

/* No more runs are begun after this. */
static const double ENOUGH_MS = 250;

struct matmul {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[3]; /* source, weights, destination */
    void *data[3];
};

static void free_matmul(struct matmul *m)
{
    for (int i = 0; i < 3; i++) {
        dnnl_memory_destroy(m->memory[i]);
        free(m->data[i]);
    }
    dnnl_primitive_destroy(m->primitive);
    dnnl_primitive_desc_destroy(m->pd);
    if (m->stream)
        dnnl_stream_destroy(m->stream);
    if (m->engine)
        dnnl_engine_destroy(m->engine);
}

/* The types of source, weights and destination. */
static const dnnl_data_type_t *types_of(enum px_dtype dtype)
{
    static const dnnl_data_type_t f32[] = {dnnl_f32, dnnl_f32, dnnl_f32};
    static const dnnl_data_type_t bf16[] = {dnnl_bf16, dnnl_bf16, dnnl_bf16};
    static const dnnl_data_type_t int8[] = {dnnl_u8, dnnl_s8, dnnl_s32};

    return dtype == PX_BF16 ? bf16 : dtype == PX_F32 ? f32 : int8;
}

/* oneDNN chooses the order of the weights, as it does for the engine's. */
static dnnl_status_t make_desc(struct matmul *m, enum px_dtype dtype)
{
    const dnnl_data_type_t *types = types_of(dtype);
    const dnnl_dims_t dims[3] = {
        {MATMUL_ROWS, MATMUL_SIDE}, {MATMUL_SIDE, MATMUL_SIDE}, {MATMUL_ROWS, MATMUL_SIDE}};
    dnnl_memory_desc_t descs[3] = {NULL};
    dnnl_status_t s = dnnl_success;

    for (int i = 0; i < 3 && s == dnnl_success; i++)
        s = dnnl_memory_desc_create_with_tag(&descs[i], 2, dims[i], types[i],
                                             i == 1 ? dnnl_format_tag_any : dnnl_ab);
    if (s == dnnl_success)
        s = dnnl_matmul_primitive_desc_create(&m->pd, m->engine, descs[0], descs[1], NULL, descs[2],
                                              NULL);
    for (int i = 0; i < 3; i++)
        dnnl_memory_desc_destroy(descs[i]);
    return s;
}

/* Every element is 0x3f... whatever the type and the order: about 0.75, or 63. */
static dnnl_status_t make_data(struct matmul *m)
{
    static const dnnl_query_t queries[] = {dnnl_query_src_md, dnnl_query_weights_md,
                                           dnnl_query_dst_md};

    for (int i = 0; i < 3; i++) {
        const_dnnl_memory_desc_t desc = dnnl_primitive_desc_query_md(m->pd, queries[i], 0);
        size_t size = dnnl_memory_desc_get_size(desc);

        m->data[i] = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
        if (!m->data[i])
            return dnnl_out_of_memory;
        memset(m->data[i], 0x3f, size);
        dnnl_status_t s = dnnl_memory_create(&m->memory[i], desc, m->engine, m->data[i]);
        if (s != dnnl_success)
            return s;
    }
    return dnnl_success;
}

static dnnl_status_t make_matmul(struct matmul *m, enum px_dtype dtype)
{
    dnnl_status_t s = dnnl_engine_create(&m->engine, dnnl_cpu, 0);

    if (s == dnnl_success)
        s = dnnl_stream_create(&m->stream, m->engine, dnnl_stream_default_flags);
    if (s == dnnl_success)
        s = make_desc(m, dtype);
    if (s == dnnl_success)
        s = dnnl_primitive_create(&m->primitive, m->pd);
    return s == dnnl_success ? make_data(m) : s;
}

static dnnl_status_t time_matmul(const struct matmul *m, double *gflops)
{
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, m->memory[0]},
                                    {DNNL_ARG_WEIGHTS, m->memory[1]},
                                    {DNNL_ARG_DST, m->memory[2]}};
    double times[MOST_RUNS];
    size_t runs = 0;
    dnnl_status_t s = dnnl_primitive_execute(m->primitive, m->stream, 3, args);
    int64_t begin = px_now_ns();

    while (s == dnnl_success && runs < MOST_RUNS &&
           (runs < LEAST_RUNS || px_ms_since(begin) < ENOUGH_MS)) {
        int64_t start = px_now_ns();
        s = dnnl_primitive_execute(m->primitive, m->stream, 3, args);
        times[runs++] = px_ms_since(start);
    }
    if (s == dnnl_success)
        *gflops =
            2.0 * MATMUL_ROWS * MATMUL_SIDE * MATMUL_SIDE * 1e-6 / px_bench_median(times, runs);
    return s;
}

int px_ceiling_gflops(enum px_dtype dtype, int threads, double *gflops, struct px_error *err)
{
    struct matmul m = {0};

    *gflops = 0;
    omp_set_num_threads(threads); /* captured by the primitive */
    dnnl_status_t s = make_matmul(&m, dtype);
    if (s == dnnl_success)
        s = time_matmul(&m, gflops);
    free_matmul(&m);
    if (s == dnnl_success || s == dnnl_unimplemented)
        return 0;
    return px_fail(err, s == dnnl_out_of_memory ? PX_E_NOMEM : PX_E_INTERNAL,
                   "oneDNN's matmul of %dx%dx%d failed (status %d)", MATMUL_ROWS, MATMUL_SIDE,
                   MATMUL_SIDE, (int)s);
}

static uint64_t read_all(const uint64_t *data, size_t count, int threads)
{
    uint64_t sum = 0;

#pragma omp parallel for simd schedule(static) num_threads(threads) reduction(+ : sum)
    for (size_t i = 0; i < count; i++)
        sum += data[i];
    return sum;
}

int px_ceiling_bandwidth(size_t bytes, int threads, double *gb_per_s, struct px_error *err)
{
    size_t count = bytes / sizeof(uint64_t);
    uint64_t *data = aligned_alloc(64, (count * sizeof *data + 63) / 64 * 64);
    double times[READINGS];
    volatile uint64_t sum = 0; /* used, as far as the compiler can tell */

    if (!data)
        return px_fail(err, PX_E_NOMEM, "no memory to measure its bandwidth with");
#pragma omp parallel for simd schedule(static) num_threads(threads)
    for (size_t i = 0; i < count; i++)
        data[i] = i;
    for (size_t run = 0; run < READINGS; run++) {
        int64_t start = px_now_ns();
        sum += read_all(data, count, threads);
        times[run] = px_ms_since(start);
    }
    (void)sum;
    free(data);
    *gb_per_s = (double)bytes * 1e-6 / px_bench_median(times, READINGS);
    return 0;
}
