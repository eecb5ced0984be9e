/* engine_answer MODEL.safetensors GOLDEN.safetensors batch|running PREFIX
 *
 * Writes what the engine answers in f32 to every input.HxW of a golden file
 * (tests/golden/README.md) as PREFIX.HxW.f32: nhwc floats, for tests/golden/check_onnx.py to
 * compare with. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/engine/engine.h"
#include "model/formats/safetensors.h"

static const char prefix[] = "input.";
enum { PREFIX = sizeof prefix - 1, MAX_PICTURES = 16 };

struct answer {
    struct px_engine *engine;
    struct px_model *model;
    enum px_norm_mode norm;
};

/* Runs the pictures of `input` from `in` (nhwc, 0..255) to `out`. */
static int run(const struct answer *a, const struct px_tensor *input, float *in, float *out,
               struct px_error *err)
{
    const float *ins[MAX_PICTURES];
    float *outs[MAX_PICTURES];
    const size_t pixels = (size_t)(input->shape[1] * input->shape[2]);
    struct px_batch batch = {
        .n = (int)input->shape[0],
        .height = (int)input->shape[1],
        .width = (int)input->shape[2],
        .norm = a->norm,
        .in_f32 = ins,
        .out_f32 = outs,
    };

    px_tensor_to_f32(input, in);
    for (size_t i = 0; i < px_tensor_count(input); i++)
        in[i] = in[i] / 127.5f - 1.0f;
    for (size_t i = 0; i < (size_t)batch.n; i++) {
        ins[i] = in + i * pixels * (size_t)input->shape[3];
        outs[i] = out + i * pixels * (size_t)px_model_network(a->model)->output_nc;
    }
    return px_engine_run(a->engine, a->model, &batch, err);
}

static int answer(const struct answer *a, const struct px_tensor *input, const char *path,
                  struct px_error *err)
{
    const size_t pixels = (size_t)(input->shape[0] * input->shape[1] * input->shape[2]);
    const size_t count = pixels * (size_t)px_model_network(a->model)->output_nc;
    char name[512];
    int rc;

    if (input->ndim != 4 || input->shape[0] > MAX_PICTURES ||
        input->shape[3] != px_model_network(a->model)->input_nc)
        return px_fail(err, PX_E_FORMAT, "%s is no input of this network", input->name);
    float *in = malloc(px_tensor_count(input) * sizeof *in), *out = malloc(count * sizeof *out);
    snprintf(name, sizeof name, "%s.%s.f32", path, input->name + PREFIX);
    rc = in && out ? run(a, input, in, out, err) : px_fail(err, PX_E_NOMEM, "no memory");
    if (!rc)
        rc = px_file_save(name, out, count * sizeof *out, err);
    free(in);
    free(out);
    return rc;
}

static int answer_all(const struct answer *a, const char *golden, const char *path,
                      struct px_error *err)
{
    struct px_safetensors *file = NULL;
    int rc = px_safetensors_open(&file, golden, err);

    for (size_t i = 0; !rc && i < px_safetensors_list(file)->count; i++)
        if (strncmp(px_safetensors_list(file)->tensors[i].name, prefix, PREFIX) == 0)
            rc = answer(a, &px_safetensors_list(file)->tensors[i], path, err);
    px_safetensors_close(file);
    return rc;
}

int main(int argc, char **argv)
{
    const struct px_engine_options options = {.threads = 2, .first_cpu = -1};
    struct px_error err = {.message = ""};
    struct answer a = {0};

    if (argc != 5) {
        fprintf(stderr, "usage: engine_answer MODEL GOLDEN batch|running PREFIX\n");
        return 2;
    }
    a.norm = strcmp(argv[3], "running") == 0 ? PX_TEST_RUNNING : PX_TEST_BATCH;
    int rc = px_model_load(&a.model, argv[1], PX_F32, &err);
    if (!rc)
        rc = px_engine_create(&a.engine, &options, &err);
    if (!rc)
        rc = answer_all(&a, argv[2], argv[4], &err);
    if (rc)
        fprintf(stderr, "engine_answer: %s\n", err.message);
    px_engine_destroy(a.engine);
    px_model_unref(a.model);
    return px_error_exit(rc);
}
