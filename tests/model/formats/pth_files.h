#ifndef TESTS_MODEL_FORMATS_PTH_FILES_H
#define TESTS_MODEL_FORMATS_PTH_FILES_H

/* The files of tests/golden/pth, which make_pth.py wrote with PyTorch: for the tests that read
 * them. Include it after tests/check.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoint/checkpoint.h"

static inline const char *golden_path(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/golden/pth/%s", getenv("PX_TESTS"), name);
    return path;
}

static inline struct px_checkpoint *import(const char *name)
{
    struct px_checkpoint *checkpoint = NULL;
    struct px_error err = {0};

    if (px_checkpoint_import(&checkpoint, golden_path(name), NULL, &err) != 0)
        fail_msg("%s", err.message);
    return checkpoint;
}

/* What make_pth.py filled tensor k of a state_dict with. */
static inline float expected(size_t k, size_t i)
{
    return (float)((int)((31 * k + i) % 251) - 125) / 256;
}

/* Compares what is there with what make_pth.py wrote, by PyTorch's order of a state_dict. */
static inline size_t check_values(const struct px_checkpoint *checkpoint)
{
    struct px_tensor_spec specs[128];
    size_t count = px_network_tensors(px_checkpoint_network(checkpoint), specs, 128);
    size_t found = 0;

    for (size_t k = 0; k < count; k++) {
        float values[4096];
        const struct px_tensor *tensor =
            px_checkpoint_tensor(checkpoint, specs[k].layer, specs[k].role);
        if (!tensor)
            continue;
        found++;
        assert_true(px_tensor_count(tensor) <= 4096);
        px_tensor_to_f32(tensor, values);
        for (size_t i = 0; i < px_tensor_count(tensor); i++) {
            float want = specs[k].role == PX_ROLE_BATCHES ? (float)k : expected(k, i);
            if (values[i] != want)
                fail_msg("%s[%zu] is %g, not %g", specs[k].name, i, (double)values[i],
                         (double)want);
        }
    }
    return found;
}

#endif
