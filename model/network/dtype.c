#include "model/network/dtype.h"

size_t px_dtype_size(enum px_dtype dtype)
{
    switch (dtype) {
    case PX_S8:
    case PX_U8:
        return 1;
    case PX_BF16:
    case PX_F16:
        return 2;
    case PX_F32:
        return 4;
    case PX_F64:
    case PX_I64:
        return 8;
    case PX_DTYPE_AUTO:
        break;
    }
    return 0;
}

const char *px_dtype_name(enum px_dtype dtype)
{
    switch (dtype) {
    case PX_F32:
        return "f32";
    case PX_BF16:
        return "bf16";
    case PX_F16:
        return "f16";
    case PX_F64:
        return "f64";
    case PX_I64:
        return "i64";
    case PX_S8:
        return "int8";
    case PX_U8:
        return "uint8";
    case PX_DTYPE_AUTO:
        break;
    }
    return "auto";
}
