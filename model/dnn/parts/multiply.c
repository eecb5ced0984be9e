#include "model/dnn/parts/multiply.h"

#include <oneapi/dnnl/dnnl.h>

const struct px_multiplier *px_multiplier_of_cpu(void)
{
    static const struct px_multiplier avx2 = {"avx2", 16, 8, 6, px_multiply_avx2};
    static const struct px_multiplier avx512 = {"avx512", 32, 16, 12, px_multiply_avx512};
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    unsigned has_avx2 = dnnl_cpu_isa_avx2, has_avx512 = dnnl_cpu_isa_avx512_core;

    if ((isa & has_avx512) == has_avx512 && __builtin_cpu_supports("avx512f"))
        return &avx512;
    if ((isa & has_avx2) == has_avx2 && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma"))
        return &avx2;
    return NULL;
}
