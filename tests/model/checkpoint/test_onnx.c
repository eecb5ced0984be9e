#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/checkpoint/onnx.h"
#include "model/checkpoint/parts/checkpoint_parts.h"
#include "tests/model/checkpoint/onnx_reader.h"
#include "tests/model/generator.h"

/* Exported models, read back by code that shares nothing with the writer, and run. */

/* The interpreter computes in doubles what PyTorch computed in doubles; answers are stored as
 * floats, and 0.2 and 1e-5 are floats in ONNX. */
#define TOLERANCE 5e-7

static char folder[] = "/tmp/test_onnx.XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *golden_path(const char *name, const char *suffix)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/golden/%s%s", getenv("PX_TESTS"), name, suffix);
    return path;
}

static struct px_checkpoint *open_checkpoint(const char *path)
{
    struct px_checkpoint *checkpoint;
    struct px_error err = {.message = ""};

    if (px_checkpoint_open(&checkpoint, path, &err) != 0)
        fail_msg("%s", err.message);
    return checkpoint;
}

static void export(struct onnx_model *model, const struct px_checkpoint *checkpoint,
                   enum px_norm_mode mode)
{
    struct px_error err = {.message = ""};

    if (px_onnx_save(in_folder("model.onnx"), checkpoint, mode, &err) != 0)
        fail_msg("%s", err.message);
    onnx_open(model, in_folder("model.onnx"));
}

/* Exports tests/golden/NAME.safetensors. */
static void export_golden(struct onnx_model *model, const char *name, enum px_norm_mode mode)
{
    struct px_checkpoint *checkpoint = open_checkpoint(golden_path(name, ".safetensors"));

    export(model, checkpoint, mode);
    px_checkpoint_close(checkpoint);
}

/* The pictures of an `input.HxW` as the network sees them. */
static struct onnx_array pictures(const struct px_tensor *tensor)
{
    struct onnx_array a = {(int)tensor->shape[0], (int)tensor->shape[3], (int)tensor->shape[1],
                           (int)tensor->shape[2], NULL};
    size_t count = px_tensor_count(tensor), pixels = (size_t)(a.h * a.w), c = (size_t)a.c;
    float *nhwc = malloc(count * sizeof *nhwc);

    px_tensor_to_f32(tensor, nhwc);
    a.data = malloc(count * sizeof *a.data);
    for (size_t i = 0; i < count; i++) {
        size_t picture = i / (pixels * c), pixel = i / c % pixels;
        a.data[(picture * c + i % c) * pixels + pixel] = (double)nhwc[i] / 127.5 - 1;
    }
    free(nhwc);
    return a;
}

/* The largest difference from a golden tensor [n, h / stride, w / stride, c], of its n pictures. */
static double difference(const struct onnx_array *a, const struct px_tensor *want, int stride)
{
    size_t count = px_tensor_count(want), k = 0;
    float *expected = malloc(count * sizeof *expected);
    double largest = 0;

    assert_true(want->shape[0] <= a->n);
    assert_int_equal(want->shape[3], a->c);
    px_tensor_to_f32(want, expected);
    for (int n = 0; n < want->shape[0]; n++)
        for (int y = 0; y < a->h; y += stride)
            for (int x = 0; x < a->w; x += stride)
                for (int c = 0; c < a->c; c++, k++) {
                    assert_true(k < count);
                    double off = fabs(
                        a->data[((size_t)(n * a->c + c) * (size_t)a->h + (size_t)y) * (size_t)a->w +
                                (size_t)x] -
                        (double)expected[k]);
                    assert_true(off < 10); /* nor is it a NaN */
                    largest = fmax(largest, off);
                }
    assert_int_equal(k, count);
    free(expected);
    return largest;
}

static struct px_safetensors *open_golden(const char *name)
{
    struct px_safetensors *file;
    struct px_error err = {.message = ""};

    if (px_safetensors_open(&file, golden_path(name, ".golden.safetensors"), &err) != 0)
        fail_msg("%s", err.message);
    return file;
}

/* Runs the exported network on all golden inputs; returns how many answers there were. */
static int check_answers(const char *name, enum px_norm_mode mode)
{
    static const char *const prefixes[] = {"batch.", "running."};
    struct px_safetensors *file = open_golden(name);
    int stride = atoi(px_metadata_find(px_safetensors_list(file), "stride")), checked = 0;
    struct onnx_model model;
    struct onnx_run run;
    char input[64];

    export_golden(&model, name, mode);
    for (size_t i = 0; i < px_safetensors_list(file)->count; i++) {
        const struct px_tensor *want = &px_safetensors_list(file)->tensors[i];
        size_t prefix = strlen(prefixes[mode]);
        if (strncmp(want->name, prefixes[mode], prefix) != 0)
            continue;
        snprintf(input, sizeof input, "input.%s", want->name + prefix);
        struct onnx_array in = pictures(px_tensor_find(px_safetensors_list(file), input));
        onnx_run(&run, &model, &in);
        double off = difference(onnx_result(&run, "output"), want, stride);
        if (off > TOLERANCE)
            fail_msg("%s %s is off by %g", name, want->name, off);
        onnx_run_free(&run);
        free(in.data);
        checked++;
    }
    onnx_close(&model);
    px_safetensors_close(file);
    return checked;
}

/* The same for every generator that has golden files. */
static int check_all(enum px_norm_mode mode)
{
    const char *const suffixes[] = {".golden.safetensors", NULL};
    char **names, path[512];
    size_t count;
    int checked = 0;

    snprintf(path, sizeof path, "%s/golden", getenv("PX_TESTS"));
    assert_int_equal(px_list_folder(path, suffixes, &names, &count, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        names[i][strlen(names[i]) - strlen(suffixes[0])] = 0;
        if (strncmp(names[i], "training", strlen("training")) != 0)
            checked += check_answers(names[i], mode);
    }
    free(names);
    return checked;
}

static void test_batch(void **state)
{
    (void)state;
    assert_true(check_all(PX_TEST_BATCH) >= 8); /* unet_32, 64, 128, 256, two norms; two sizes */
}

static void test_running(void **state)
{
    (void)state;
    assert_true(check_all(PX_TEST_RUNNING) >= 5);
}

/* A random network with some of everything, against the definition of its layers. */
static void check_definition(const struct px_network_options *options, enum px_norm_mode mode)
{
    const int height = 64, width = 32, c = options->input_nc, pixels = height * width;
    struct px_checkpoint *checkpoint;
    struct onnx_model model;
    struct onnx_run run;

    generator_write(in_folder("random.safetensors"), options, true);
    checkpoint = open_checkpoint(in_folder("random.safetensors"));
    export(&model, checkpoint, mode);
    struct onnx_array in = {1, c, height, width, malloc((size_t)(c * pixels) * sizeof(double))};
    float *nhwc = malloc((size_t)(c * pixels) * sizeof *nhwc);
    for (int i = 0; i < c * pixels; i++) {
        nhwc[i] = (float)(i * 7919 % 256) / 127.5f - 1;
        in.data[i % c * pixels + i / c] = (double)nhwc[i];
    }
    struct generator_input input = {nhwc, height, width, mode == PX_TEST_RUNNING, NULL};
    double *want = generator_answer(checkpoint, &input), largest = 0, moved = 0;
    onnx_run(&run, &model, &in);
    const struct onnx_array *out = onnx_result(&run, "output");
    assert_true(out->n == 1 && out->c == options->output_nc && out->h == height && out->w == width);
    for (int i = 0; i < out->c * pixels; i++) {
        double off = out->data[i % out->c * pixels + i / out->c] - want[i];
        assert_true(fabs(off) < 3);
        largest = fmax(largest, fabs(off));
        moved = fmax(moved, fabs(want[i] - want[i % out->c]));
    }
    if (largest > TOLERANCE)
        fail_msg("%s is off by %g", options->architecture, largest);
    assert_true(moved > 0.1);
    free(want);
    free(nhwc);
    free(in.data);
    onnx_run_free(&run);
    onnx_close(&model);
    px_checkpoint_close(checkpoint);
}

static void test_definitions(void **state)
{
    const struct px_network_options cases[] = {
        {"resnet_1blocks", 3, 3, 2, PX_NORM_BATCH, true, 0, "AtoB"},
        {"resnet_3blocks", 2, 1, 3, PX_NORM_INSTANCE, false, 0, "BtoA"},
        {"resnet_2blocks", 2, 3, 3, PX_NORM_NONE, true, 0, "AtoB"},
        {"encoder_decoder_32", 2, 3, 1, PX_NORM_BATCH, false, 0, "AtoB"},
        {"encoder_decoder_32", 2, 1, 3, PX_NORM_INSTANCE, false, 0, "AtoB"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_definition(&cases[i], PX_TEST_BATCH);
        if (cases[i].norm == PX_NORM_BATCH)
            check_definition(&cases[i], PX_TEST_RUNNING);
    }
}

static void test_layers(void **state)
{
    struct px_safetensors *file = open_golden("unet_32");
    struct onnx_array in = pictures(px_tensor_find(px_safetensors_list(file), "input.32x32"));
    struct onnx_model model;
    struct onnx_run run;
    int checked = 0;

    (void)state;
    export_golden(&model, "unet_32", PX_TEST_BATCH);
    onnx_run(&run, &model, &in);
    for (size_t i = 0; i < px_safetensors_list(file)->count; i++) {
        const struct px_tensor *want = &px_safetensors_list(file)->tensors[i];
        if (strncmp(want->name, "layer", 5) != 0)
            continue;
        double off = difference(onnx_result(&run, want->name), want, 1);
        if (off > 10 * TOLERANCE) /* they are larger than 1 */
            fail_msg("%s is off by %g", want->name, off);
        checked++;
    }
    assert_int_equal(checked,
                     10 + 7); /* all but the first, the innermost and the last have norms */
    onnx_run_free(&run);
    onnx_close(&model);
    free(in.data);
    px_safetensors_close(file);
}

/* Every tensor of the checkpoint that the mode needs is there as it stands in the file. */
static void check_tensors(enum px_norm_mode mode, int expected)
{
    struct px_checkpoint *checkpoint = open_checkpoint(golden_path("unet_32", ".safetensors"));
    struct onnx_model model;
    int found = 0;

    export(&model, checkpoint, mode);
    for (size_t i = 0; i < px_checkpoint_list(checkpoint)->count; i++) {
        const struct px_tensor *want = &px_checkpoint_list(checkpoint)->tensors[i];
        const struct onnx_tensor *tensor = onnx_find(&model, want->name);
        bool of_running = strstr(want->name, ".running_") != NULL;

        if (want->dtype == PX_I64 || (of_running && mode == PX_TEST_BATCH)) {
            assert_null(tensor);
            continue;
        }
        assert_non_null(tensor);
        assert_int_equal(tensor->type, ONNX_FLOAT);
        assert_int_equal(tensor->ndim, want->ndim);
        for (int d = 0; d < want->ndim; d++)
            assert_int_equal(tensor->shape[d], want->shape[d]);
        assert_int_equal(tensor->bytes, want->bytes);
        assert_memory_equal(tensor->data, want->data, want->bytes);
        found++;
    }
    assert_int_equal(found, expected);
    assert_int_equal(model.tensor_count, expected); /* and nothing else */
    onnx_close(&model);
    px_checkpoint_close(checkpoint);
}

static void test_tensors(void **state)
{
    (void)state;
    check_tensors(PX_TEST_BATCH, 10 + 1 + 7 * 2); /* weights, the last bias, gammas and betas */
    check_tensors(PX_TEST_RUNNING, 10 + 1 + 7 * 4);
}

static void test_bf16(void **state)
{
    struct px_checkpoint *checkpoint = open_checkpoint(golden_path("unet_32", ".safetensors"));
    size_t count = px_checkpoint_list(checkpoint)->count, compared = 0;
    struct px_error err;
    struct onnx_model model;

    (void)state;
    struct px_tensor *tensors = calloc(count, sizeof *tensors);
    for (size_t i = 0; i < count; i++)
        tensors[i] = px_checkpoint_list(checkpoint)->tensors[i];
    assert_int_equal(px_checkpoint_save(in_folder("bf16.safetensors"),
                                        px_checkpoint_network(checkpoint), tensors, count, NULL, 0,
                                        PX_BF16, &err),
                     0);
    free(tensors);
    px_checkpoint_close(checkpoint);
    checkpoint = open_checkpoint(in_folder("bf16.safetensors"));
    export(&model, checkpoint, PX_TEST_BATCH);
    for (size_t i = 0; i < count; i++) {
        const struct px_tensor *want = &px_checkpoint_list(checkpoint)->tensors[i];
        const struct onnx_tensor *tensor = onnx_find(&model, want->name);
        size_t n = px_tensor_count(want);
        float *floats = malloc(n * sizeof *floats);

        if (tensor && want->dtype == PX_BF16) {
            px_tensor_to_f32(want, floats);
            assert_int_equal(tensor->bytes, n * sizeof *floats);
            assert_memory_equal(tensor->data, floats, tensor->bytes);
            compared += n > 8192; /* more than is converted at a time */
        }
        free(floats);
    }
    assert_true(compared > 0);
    onnx_close(&model);
    px_checkpoint_close(checkpoint);
}

/* What users and tools read of a model before they run it. */
static void test_description(void **state)
{
    static const char *const dims[] = {"batch", "", "height", "width"};
    struct onnx_model model;

    (void)state;
    export_golden(&model, "unet_32_none", PX_TEST_BATCH);
    assert_int_equal(model.ir_version, 7);
    assert_int_equal(model.opset, 13);
    assert_string_equal(model.producer, "pix2pixd");
    assert_string_equal(model.version, PX_VERSION);
    assert_string_equal(model.graph_name, "unet_32");
    assert_non_null(strstr(model.doc, "unet_32"));
    assert_int_equal(model.input_count, 1);
    assert_int_equal(model.output_count, 1);
    assert_string_equal(model.input.name, "input");
    assert_string_equal(model.output.name, "output");
    assert_int_equal(model.input.type, ONNX_FLOAT);
    assert_int_equal(model.output.type, ONNX_FLOAT);
    assert_int_equal(model.input.ndim, 4);
    assert_int_equal(model.output.ndim, 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(model.input.names[i], dims[i]);
        assert_string_equal(model.output.names[i], dims[i]);
    }
    assert_int_equal(model.input.numbers[1], 2);
    assert_int_equal(model.output.numbers[1], 4);
    assert_string_equal(onnx_metadata(&model, "architecture"), "unet_32");
    assert_string_equal(onnx_metadata(&model, "input_nc"), "2");
    assert_string_equal(onnx_metadata(&model, "direction"), "AtoB");
    assert_null(onnx_metadata(&model, "test_norm"));
    onnx_close(&model);
}

static void test_modes_are_told(void **state)
{
    struct onnx_model model;

    (void)state;
    export_golden(&model, "unet_64", PX_TEST_BATCH);
    assert_string_equal(onnx_metadata(&model, "test_norm"), "batch");
    assert_non_null(strstr(model.doc, "norm=batch"));
    onnx_close(&model);
    export_golden(&model, "unet_64", PX_TEST_RUNNING);
    assert_string_equal(onnx_metadata(&model, "test_norm"), "running");
    assert_non_null(strstr(model.doc, "norm=running"));
    onnx_close(&model);
}

/* Readers of ONNX want names that are unique, and operators after what they read. */
static void test_names(void **state)
{
    struct onnx_model model;

    (void)state;
    export_golden(&model, "unet_32_instance", PX_TEST_BATCH);
    for (int i = 0; i < model.node_count; i++)
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(model.nodes[i].output, model.nodes[j].output);
            assert_string_not_equal(model.nodes[i].name, model.nodes[j].name);
        }
    for (int i = 0; i < model.tensor_count; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(model.tensors[i].name, model.tensors[j].name);
    assert_string_equal(model.nodes[0].name, "model.model.0");
    assert_string_equal(model.nodes[model.node_count - 1].output, "output");
    onnx_close(&model);
}

static void test_missing_statistics(void **state)
{
    struct px_checkpoint *checkpoint = open_checkpoint(golden_path("unet_32", ".safetensors"));
    struct px_error err = {.message = ""};

    (void)state;
    checkpoint->has_running = false;
    assert_int_equal(px_onnx_save(in_folder("none.onnx"), checkpoint, PX_TEST_RUNNING, &err),
                     -PX_E_INVALID);
    assert_non_null(strstr(err.message, "no running statistics: use norm=batch"));
    assert_int_equal(access(in_folder("none.onnx"), F_OK), -1);
    px_checkpoint_close(checkpoint);
}

/* No weight is looked at: the answer comes before the file is begun. */
static void test_too_large(void **state)
{
    struct px_checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
    const struct px_tensor nowhere = {.dtype = PX_F32};
    struct px_network_options options = {"unet_256", 256, 3, 3, PX_NORM_NONE, false, 256, "AtoB"};
    struct px_error err = {.message = ""};

    (void)state;
    assert_int_equal(px_network_make(&checkpoint->network, &options, NULL), 0);
    for (int i = 0; i < px_checkpoint_network(checkpoint)->layer_count; i++)
        for (int role = 0; role < PX_ROLE_COUNT; role++)
            checkpoint->tensors[i][role] = &nowhere;
    assert_int_equal(px_onnx_save(in_folder("large.onnx"), checkpoint, PX_TEST_BATCH, &err),
                     -PX_E_INVALID);
    assert_non_null(strstr(err.message, "ONNX's format allows 2147483647"));
    assert_int_equal(access(in_folder("large.onnx"), F_OK), -1);
    free(checkpoint);
}

static void test_full_disk(void **state)
{
    struct px_checkpoint *checkpoint = open_checkpoint(golden_path("unet_32", ".safetensors"));
    struct px_error err = {.message = ""};

    (void)state;
    assert_int_equal(px_onnx_save("/dev/full", checkpoint, PX_TEST_BATCH, &err), -PX_E_IO);
    assert_string_equal(err.message, "/dev/full: cannot write: No space left on device");
    px_checkpoint_close(checkpoint);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(in_folder("model.onnx"));
    unlink(in_folder("bf16.safetensors"));
    unlink(in_folder("random.safetensors"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("an exported model answers as PyTorch, by each picture's statistics", test_batch),
        CHECK("and by running statistics", test_running),
        CHECK("layer by layer", test_layers),
        CHECK("ResNets and encoder-decoders answer as their layers are defined", test_definitions),
        CHECK("parameters keep their names, shapes and bytes", test_tensors),
        CHECK("parameters stored as bf16 become the same floats", test_bf16),
        CHECK("a model tells what it is and takes", test_description),
        CHECK("a model tells its norm", test_modes_are_told),
        CHECK("names are unique, and those of the modules", test_names),
        CHECK("refuses running statistics that are not there", test_missing_statistics),
        CHECK("refuses a model of more than 2 GiB", test_too_large),
        CHECK("names the file on a full disk", test_full_disk),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
