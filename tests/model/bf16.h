#ifndef TESTS_MODEL_BF16_H
#define TESTS_MODEL_BF16_H

/* CPUs without AVX-512 have no bf16: there its tests are left out (NEEDS), and that it is refused
 * is what leaving them out relies on. */

#include "tests/check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/engine/engine.h"

static inline bool has_bf16(void)
{
    struct px_model *model = NULL;
    char path[512];

    snprintf(path, sizeof path, "%s/golden/unet_32.safetensors", getenv("PX_TESTS"));
    int rc = px_model_load(&model, path, PX_BF16, NULL);
    px_model_unref(model);
    assert_true(rc == 0 || rc == -PX_E_USAGE);
    return rc == 0;
}

#endif
