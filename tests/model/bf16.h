#ifndef TESTS_MODEL_BF16_H
#define TESTS_MODEL_BF16_H

/* CPUs without AVX-512 have no bf16: there its tests are skipped, and that it is refused is what
 * the skipping relies on. */

#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "model/engine.h"

static inline void skip_without_bf16(void)
{
    struct px_model *model = NULL;
    char path[512];

    snprintf(path, sizeof path, "%s/golden/unet_32.safetensors", getenv("PX_TESTS"));
    int rc = px_model_load(&model, path, PX_BF16, NULL);
    px_model_unref(model);
    if (rc == -PX_E_USAGE)
        skip();
    assert_int_equal(rc, 0);
}

#endif
