#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/checkpoint/checkpoint.h"
#include "model/formats/safetensors.h"
#include "tests/model/checkpoint/parts.h"
#include "tests/model/generator.h"

static void test_inference(void **state)
{
    struct px_checkpoint *c = open_good(source_path("model/data/unet_32.safetensors"));
    (void)state;

    assert_string_equal(px_checkpoint_network(c)->architecture, "unet_32");
    assert_int_equal(px_checkpoint_network(c)->ngf, 2);
    assert_int_equal(px_checkpoint_network(c)->input_nc, 3);
    assert_int_equal(px_checkpoint_network(c)->output_nc, 2);
    assert_int_equal(px_checkpoint_network(c)->norm, PX_NORM_BATCH);
    assert_true(px_checkpoint_network(c)->dropout);
    assert_int_equal(px_checkpoint_network(c)->crop_size, 32);
    assert_string_equal(px_checkpoint_network(c)->direction, "AtoB");
    assert_true(px_checkpoint_has_running(c));
    assert_int_equal(px_checkpoint_dtype(c), PX_F32);
    px_checkpoint_close(c);
    px_checkpoint_close(NULL);
}

static void test_tensors(void **state)
{
    struct px_checkpoint *c = open_good(source_path("model/data/unet_32.safetensors"));
    (void)state;

    const struct px_tensor *first = px_checkpoint_tensor(c, 0, PX_ROLE_WEIGHT);
    assert_string_equal(first->name, "model.model.0.weight");
    assert_true(((const float *)first->data)[5] == 5.0f / 1024);
    assert_null(px_checkpoint_tensor(c, 0, PX_ROLE_BIAS));
    assert_null(px_checkpoint_tensor(c, 0, PX_ROLE_GAMMA));
    assert_string_equal(px_checkpoint_tensor(c, 5, PX_ROLE_RUNNING_VAR)->name,
                        "model.model.1.model.3.model.3.model.3.model.4.running_var");
    assert_int_equal(px_checkpoint_tensor(c, 1, PX_ROLE_BATCHES)->dtype, PX_I64);
    assert_string_equal(px_checkpoint_tensor(c, 9, PX_ROLE_BIAS)->name, "model.model.3.bias");
    px_checkpoint_close(c);
}

static void test_pytorch(void **state)
{
    static const struct {
        const char *name;
        int depth, ngf, input_nc, output_nc;
        enum px_norm norm;
        bool dropout;
    } cases[] = {
        {"golden/unet_32.safetensors", 5, 4, 3, 3, PX_NORM_BATCH, false},
        {"golden/unet_32_instance.safetensors", 5, 2, 3, 1, PX_NORM_INSTANCE, false},
        {"golden/unet_32_none.safetensors", 5, 2, 2, 4, PX_NORM_NONE, false},
        {"golden/unet_128.safetensors", 7, 2, 3, 3, PX_NORM_BATCH, true},
        {"golden/unet_256.safetensors", 8, 2, 1, 3, PX_NORM_BATCH, true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct px_checkpoint *c = open_good(source_path(cases[i].name));
        assert_int_equal(px_checkpoint_network(c)->depth, cases[i].depth);
        assert_int_equal(px_checkpoint_network(c)->ngf, cases[i].ngf);
        assert_int_equal(px_checkpoint_network(c)->input_nc, cases[i].input_nc);
        assert_int_equal(px_checkpoint_network(c)->output_nc, cases[i].output_nc);
        assert_int_equal(px_checkpoint_network(c)->norm, cases[i].norm);
        assert_int_equal(px_checkpoint_network(c)->dropout, cases[i].dropout);
        assert_true(px_checkpoint_has_running(c));
        px_checkpoint_close(c);
    }
}

/* The same file without its metadata, where dropout cannot be known. */
static void test_norm_inference(void **state)
{
    static const char *const names[] = {"golden/unet_32.safetensors",
                                        "golden/unet_32_instance.safetensors",
                                        "golden/unet_32_none.safetensors"};
    static const enum px_norm norms[] = {PX_NORM_BATCH, PX_NORM_INSTANCE, PX_NORM_NONE};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        struct px_checkpoint *c = open_good(source_path(names[i]));
        struct px_error err = {0};
        assert_int_equal(px_safetensors_save(scratch, &px_checkpoint_list(c)->tensors[0],
                                             px_checkpoint_list(c)->count, NULL, 0, &err),
                         0);
        px_checkpoint_close(c);
        c = open_good(scratch);
        assert_int_equal(px_checkpoint_network(c)->norm, norms[i]);
        assert_true(px_checkpoint_network(c)->dropout);
        px_checkpoint_close(c);
    }
}

/* Writes a generator to `scratch` without metadata, and without the tensor of that name. */
static void write_bare(const struct px_network_options *options, const char *without)
{
    struct px_error err = {0};

    generator_write(scratch, options, false);
    struct px_checkpoint *c = open_good(scratch);
    struct px_tensor tensors[300];
    size_t kept = 0;
    for (size_t i = 0; i < px_checkpoint_list(c)->count; i++)
        if (!without || strcmp(px_checkpoint_list(c)->tensors[i].name, without) != 0)
            tensors[kept++] = px_checkpoint_list(c)->tensors[i];
    assert_int_equal(kept, px_checkpoint_list(c)->count - (without ? 1 : 0));
    assert_int_equal(px_safetensors_save(scratch, tensors, kept, NULL, 0, &err), 0);
    px_checkpoint_close(c);
}

static void test_architectures(void **state)
{
    static const struct px_network_options cases[] = {
        {"resnet_9blocks", 2, 3, 1, PX_NORM_BATCH, true, 256, "AtoB"},
        {"resnet_6blocks", 1, 4, 3, PX_NORM_BATCH, false, 256, "AtoB"},
        {"resnet_1blocks", 3, 1, 2, PX_NORM_INSTANCE, true, 256, "AtoB"},
        {"resnet_32blocks", 1, 3, 3, PX_NORM_INSTANCE, false, 256, "AtoB"},
        {"resnet_2blocks", 2, 3, 3, PX_NORM_NONE, true, 256, "AtoB"},
        {"resnet_3blocks", 2, 3, 3, PX_NORM_NONE, false, 256, "AtoB"},
        {"unet_512", 1, 3, 2, PX_NORM_BATCH, true, 512, "AtoB"},
        {"encoder_decoder_32", 2, 3, 1, PX_NORM_BATCH, true, 32, "AtoB"},
        {"encoder_decoder_256", 1, 1, 3, PX_NORM_INSTANCE, true, 256, "AtoB"},
        {"encoder_decoder_128", 1, 1, 3, PX_NORM_NONE, true, 128, "AtoB"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct px_network want;
        assert_int_equal(px_network_make(&want, &cases[i], NULL), 0);
        write_bare(&cases[i], NULL);
        struct px_checkpoint *c = open_good(scratch);
        assert_string_equal(px_checkpoint_network(c)->architecture, want.architecture);
        assert_int_equal(px_checkpoint_network(c)->ngf, want.ngf);
        assert_int_equal(px_checkpoint_network(c)->input_nc, want.input_nc);
        assert_int_equal(px_checkpoint_network(c)->output_nc, want.output_nc);
        assert_int_equal(px_checkpoint_network(c)->norm, want.norm);
        assert_int_equal(px_checkpoint_network(c)->dropout, want.dropout);
        assert_int_equal(px_checkpoint_network(c)->crop_size, want.crop_size);
        assert_int_equal(px_checkpoint_network(c)->layer_count, want.layer_count);
        px_checkpoint_close(c);
    }
}

static void test_no_resnet(void **state)
{
    static const struct px_network_options options = {"resnet_3blocks", 2,    3,   1,
                                                      PX_NORM_BATCH,    true, 256, "AtoB"};
    static const struct {
        const char *without, *message;
    } cases[] = {
        {"model.1.weight", "tensor 'model.1.weight' is missing"},
        {"model.11.conv_block.1.weight", "tensor 'model.18.weight' is missing"}, /* as 1 block */
        {"model.11.conv_block.6.weight",
         "tensor 'model.11.conv_block.6.weight' of resnet_3blocks is missing"},
        {"model.20.weight", "tensor 'model.20.weight' is missing"},
        {"model.2.weight", "' does not belong to resnet_3blocks with none norm"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct px_checkpoint *c = NULL;
        struct px_error err = {0};
        write_bare(&options, cases[i].without);
        assert_int_equal(px_checkpoint_open(&c, scratch, &err), -PX_E_FORMAT);
        if (!strstr(err.message, cases[i].message))
            fail_msg("%s", err.message);
    }
}

static void test_discriminator(void **state)
{
    static const char *const names[] = {"model.0.weight", "net.0.weight"};
    static const float zeros[4];
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        const struct px_tensor tensor = {names[i], PX_F32, 4, {1, 4, 1, 1}, zeros, sizeof zeros};
        struct px_checkpoint *c = NULL;
        struct px_error err = {0};
        assert_int_equal(px_safetensors_save(scratch, &tensor, 1, NULL, 0, &err), 0);
        assert_int_equal(px_checkpoint_open(&c, scratch, &err), -PX_E_FORMAT);
        assert_non_null(strstr(err.message, "this is a discriminator"));
    }
}

static void test_metadata(void **state)
{
    static const char *const pairs[][3] = {
        {"architecture", "unet_64", "says architecture 'unet_64', but the tensors say 'unet_32'"},
        {"architecture", "resnet_9blocks", "'resnet_9blocks', but the tensors say 'unet_32'"},
        {"ngf", "4", "says ngf '4', but the tensors say '2'"},
        {"input_nc", "1", "says input_nc '1', but the tensors say '3'"},
        {"output_nc", "3", "says output_nc '3', but the tensors say '2'"},
        {"norm", "instance", "says norm 'instance', but the tensors say 'batch'"},
        {"crop_size", "48", "crop_size 48: use a multiple of 32"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct parts parts = take_apart();
        refused(&parts, pairs[i][0], pairs[i][1], pairs[i][2]);
    }
    struct parts parts = take_apart();
    drop(&parts, ".running_mean");
    refused(&parts, "test_norm", "running", "but there are no running statistics");
}

static void test_used_metadata(void **state)
{
    struct parts parts = take_apart();
    (void)state;

    write_parts(&parts, "crop_size", "96");
    struct px_checkpoint *c = open_good(scratch);
    assert_int_equal(px_checkpoint_network(c)->crop_size, 96);
    px_checkpoint_close(c);
    write_parts(&parts, "direction", "BtoA");
    c = open_good(scratch);
    assert_string_equal(px_checkpoint_network(c)->direction, "BtoA");
    px_checkpoint_close(c);
    write_parts(&parts, "dropout", "false");
    c = open_good(scratch);
    assert_false(px_checkpoint_network(c)->dropout);
    assert_false(px_checkpoint_test_norm(c) == PX_TEST_RUNNING);
    px_checkpoint_close(c);
    write_parts(&parts, "test_norm", "running");
    c = open_good(scratch);
    assert_true(px_checkpoint_test_norm(c) == PX_TEST_RUNNING);
    px_checkpoint_close(c);
    px_checkpoint_close(parts.source);
}

static void test_running_missing(void **state)
{
    struct parts parts = take_apart();
    (void)state;

    drop(&parts, ".num_batches_tracked");
    write_parts(&parts, NULL, NULL);
    struct px_checkpoint *c = open_good(scratch);
    assert_true(px_checkpoint_has_running(c));
    assert_null(px_checkpoint_tensor(c, 1, PX_ROLE_BATCHES));
    px_checkpoint_close(c);
    drop(&parts, "model.1.model.2.running_var");
    write_parts(&parts, NULL, NULL);
    c = open_good(scratch);
    assert_false(px_checkpoint_has_running(c));
    px_checkpoint_close(c);
    px_checkpoint_close(parts.source);
}

static void test_missing(void **state)
{
    static const char *const names[] = {
        "model.model.0.weight",         "model.model.3.weight",
        "model.model.3.bias",           "model.model.1.model.3.model.2.bias",
        "model.model.1.model.5.weight", "model.model.1.model.3.model.3.model.3.model.3.weight",
    };
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct parts parts = take_apart();
        char message[128];
        snprintf(message, sizeof message, "tensor '%s' ", names[i]);
        drop(&parts, names[i]);
        refused(&parts, NULL, NULL, message);
    }
}

static void test_missing_level(void **state)
{
    struct parts parts = take_apart();
    (void)state;

    drop(&parts, "model.model.1.model.3.model.3.model.1.weight");
    refused(&parts, "architecture", "unet_32", "a U-Net of depth 3");
}

static void test_extra(void **state)
{
    struct parts parts = take_apart();
    (void)state;

    part(&parts, "model.model.1.model.2.num_batches_tracked")->name = "model.model.0.bias";
    refused(&parts, NULL, NULL, "'model.model.0.bias' does not belong to unet_32 with batch norm");
}

static void test_shapes(void **state)
{
    struct parts parts = take_apart();
    struct px_tensor *tensor = part(&parts, "model.model.1.model.1.weight");
    (void)state;

    tensor->shape[0] = 2, tensor->shape[1] = 4;
    refused(&parts, NULL, NULL,
            "'model.model.1.model.1.weight' has the shape [2,4,4,4], unet_32 with ngf 2 needs "
            "[4,2,4,4]");
    parts = take_apart();
    tensor = part(&parts, "model.model.0.weight");
    tensor->ndim = 3, tensor->shape[2] = 16;
    refused(&parts, NULL, NULL, "'model.model.0.weight' has 3 dimensions instead of 4");
    parts = take_apart();
    tensor = part(&parts, "model.model.0.weight");
    tensor->shape[0] = 0, tensor->shape[1] = INT64_C(1) << 40, tensor->bytes = 0;
    refused(&parts, NULL, NULL, "'model.model.0.weight': dimension 1 is 1099511627776");
    parts = take_apart();
    tensor = part(&parts, "model.model.0.weight");
    tensor->shape[0] = 0, tensor->bytes = 0;
    refused(&parts, NULL, NULL, "ngf 0: use 1 to 1024");
}

static void test_types(void **state)
{
    struct parts parts = take_apart();
    struct px_tensor *tensor = part(&parts, "model.model.1.model.2.num_batches_tracked");
    (void)state;

    tensor->dtype = PX_F64;
    refused(&parts, NULL, NULL, "is of type f64, it must be i64");
    parts = take_apart();
    tensor = part(&parts, "model.model.3.bias");
    tensor->dtype = PX_I64, tensor->ndim = 0; /* two floats are as long */
    refused(&parts, NULL, NULL, "is of type i64, it must be a floating-point type");
}

static void test_stale(void **state)
{
    static const float zeros[4] = {0};
    struct px_checkpoint *c = open_good(source_path("golden/unet_32_instance.safetensors"));
    struct px_tensor tensors[32];
    size_t n = px_checkpoint_list(c)->count;
    struct px_error err = {0};
    (void)state;

    memcpy(tensors, &px_checkpoint_list(c)->tensors[0], n * sizeof *tensors);
    tensors[n] =
        (struct px_tensor){"model.model.1.model.2.running_mean", PX_F32, 1, {4}, zeros, 16};
    assert_int_equal(px_safetensors_save(scratch, tensors, n + 1, NULL, 0, &err), 0);
    struct px_checkpoint *stale = open_good(scratch);
    assert_int_equal(px_checkpoint_network(stale)->norm, PX_NORM_INSTANCE);
    assert_null(px_checkpoint_tensor(stale, 1, PX_ROLE_RUNNING_MEAN));
    px_checkpoint_close(stale);
    tensors[n].name = "model.model.1.model.1.running_mean"; /* of a convolution */
    assert_int_equal(px_safetensors_save(scratch, tensors, n + 1, NULL, 0, &err), 0);
    assert_int_equal(px_checkpoint_open(&stale, scratch, &err), -PX_E_FORMAT);
    px_checkpoint_close(c);
}

static void test_not_ours(void **state)
{
    struct px_checkpoint *c = NULL;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_checkpoint_open(&c, source_path("model/data/small.safetensors"), &err),
                     -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "small.safetensors: not a known generator"));
    assert_int_equal(px_checkpoint_open(&c, "/nowhere/g.safetensors", &err), -PX_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nowhere/g.safetensors: cannot open"));
}

static int save(const struct parts *parts, const char *path, enum px_dtype dtype,
                struct px_error *err)
{
    const struct px_metadata extra[] = {{"version", "0.1"}, {"lr", "0.0002"}};

    return px_checkpoint_save(path, px_checkpoint_network(parts->source), parts->tensors,
                              parts->count, extra, 2, dtype, err);
}

static void test_save_f32(void **state)
{
    struct parts parts = take_apart();
    struct px_error err = {0};
    (void)state;

    assert_int_equal(save(&parts, scratch, PX_F32, &err), 0);
    struct px_checkpoint *c = open_good(scratch);
    assert_int_equal(px_checkpoint_network(c)->ngf, 2);
    assert_true(px_checkpoint_network(c)->dropout);
    assert_string_equal(px_metadata_find(px_checkpoint_list(c), "lr"), "0.0002");
    assert_string_equal(px_metadata_find(px_checkpoint_list(c), "architecture"), "unet_32");
    assert_string_equal(px_metadata_find(px_checkpoint_list(c), "crop_size"), "32");
    assert_int_equal(px_checkpoint_list(c)->count, parts.count);
    for (size_t i = 0; i < parts.count; i++) {
        const struct px_tensor *tensor =
            px_tensor_find(px_checkpoint_list(c), parts.tensors[i].name);
        assert_int_equal(tensor->bytes, parts.tensors[i].bytes);
        assert_memory_equal(tensor->data, parts.tensors[i].data, tensor->bytes);
    }
    px_checkpoint_close(c);
    px_checkpoint_close(parts.source);
}

static void test_save_bf16(void **state)
{
    struct parts parts = take_apart();
    struct px_error err = {0};
    float values[2 * 3 * 16];
    (void)state;

    assert_int_equal(save(&parts, scratch, PX_BF16, &err), 0);
    struct px_checkpoint *c = open_good(scratch);
    assert_int_equal(px_checkpoint_dtype(c), PX_BF16);
    assert_int_equal(px_checkpoint_tensor(c, 9, PX_ROLE_BIAS)->dtype, PX_F32);
    assert_int_equal(px_checkpoint_tensor(c, 1, PX_ROLE_RUNNING_VAR)->dtype, PX_F32);
    const struct px_tensor *first = px_checkpoint_tensor(c, 0, PX_ROLE_WEIGHT);
    const float *given = px_checkpoint_tensor(parts.source, 0, PX_ROLE_WEIGHT)->data;
    px_tensor_to_f32(first, values);
    for (size_t i = 0; i < px_tensor_count(first); i++)
        assert_true(values[i] == px_bf16_to_f32(px_f32_to_bf16(given[i])));
    px_checkpoint_close(c);
    px_checkpoint_close(parts.source);
}

/* A bf16 checkpoint stored as f32 and as bf16 again is the first one, byte for byte. */
static void test_there_and_back(void **state)
{
    struct parts parts = take_apart();
    struct px_error err = {0};
    uint8_t *one, *two;
    size_t one_size, two_size;
    (void)state;

    assert_int_equal(save(&parts, scratch, PX_BF16, &err), 0);
    assert_int_equal(px_file_read(scratch, 1 << 20, &one, &one_size, &err), 0);
    for (int dtype = PX_F32; dtype <= PX_BF16; dtype++) {
        struct px_checkpoint *c = open_good(scratch);
        px_checkpoint_close(parts.source);
        parts.source = c;
        memcpy(parts.tensors, &px_checkpoint_list(c)->tensors[0],
               parts.count * sizeof *parts.tensors);
        assert_int_equal(save(&parts, scratch, (enum px_dtype)dtype, &err), 0);
    }
    assert_int_equal(px_file_read(scratch, 1 << 20, &two, &two_size, &err), 0);
    assert_int_equal(one_size, two_size);
    assert_memory_equal(one, two, one_size);
    free(one);
    free(two);
    px_checkpoint_close(parts.source);
}

static void save_refused(struct parts *parts, enum px_dtype dtype, const char *message)
{
    struct px_error err = {0};
    char path[128];

    snprintf(path, sizeof path, "%s/refused", folder);
    assert_int_equal(save(parts, path, dtype, &err), -PX_E_INVALID);
    if (!strstr(err.message, message))
        fail_msg("expected '%s', got: %s", message, err.message);
    assert_ptr_equal(strstr(err.message, path), err.message);
    assert_int_equal(access(path, F_OK), -1);
    px_checkpoint_close(parts->source);
}

static void test_bad_saves(void **state)
{
    struct parts parts = take_apart();
    (void)state;

    save_refused(&parts, PX_F16, "stored as f32 or bf16, not as f16");
    parts = take_apart();
    drop(&parts, "model.model.3.bias");
    save_refused(&parts, PX_BF16, "'model.model.3.bias' of unet_32 is missing");
    parts = take_apart();
    parts.tensors[3].name = "other";
    save_refused(&parts, PX_F32, "'other' does not belong to unet_32");
    parts = take_apart();
    parts.tensors[parts.count++] = parts.tensors[0];
    save_refused(&parts, PX_F32, "is given twice");

    const struct px_metadata ngf = {"ngf", "64"};
    struct px_error err = {0};
    parts = take_apart();
    assert_int_equal(px_checkpoint_save(scratch, px_checkpoint_network(parts.source), parts.tensors,
                                        parts.count, &ngf, 1, PX_F32, &err),
                     -PX_E_INVALID);
    assert_non_null(strstr(err.message, "'ngf' is given twice"));
    px_checkpoint_close(parts.source);
}

static void test_no_folder(void **state)
{
    struct parts parts = take_apart();
    struct px_error err = {0};
    (void)state;

    assert_int_equal(save(&parts, "/nowhere/g.safetensors", PX_F32, &err), -PX_E_IO);
    assert_ptr_equal(strstr(err.message, "/nowhere/g.safetensors: "), err.message);
    px_checkpoint_close(parts.source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a file without metadata is known by its names and shapes", test_inference),
        CHECK("tensors are found by layer and role", test_tensors),
        CHECK("PyTorch's checkpoints are what their metadata says", test_pytorch),
        CHECK("batch, instance and no norm are told apart without metadata", test_norm_inference),
        CHECK("every architecture is known by names and shapes alone", test_architectures),
        CHECK("a ResNet with a tensor missing is refused by its name", test_no_resnet),
        CHECK("a discriminator is called one", test_discriminator),
        CHECK("metadata that the tensors contradict is refused, naming both", test_metadata),
        CHECK("crop_size, direction and dropout are the metadata's", test_used_metadata),
        CHECK("running statistics may be missing, which is noted", test_running_missing),
        CHECK("a missing tensor is named", test_missing),
        CHECK("a hole in the nesting is a wrong depth", test_missing_level),
        CHECK("a tensor that the network does not have is named", test_extra),
        CHECK("a wrong shape is named with the right one", test_shapes),
        CHECK("a wrong element type is named", test_types),
        CHECK("InstanceNorm's stale statistics are ignored, others are not", test_stale),
        CHECK("other files are refused by name", test_not_ours),
        CHECK("saving as f32 keeps everything", test_save_f32),
        CHECK("saving as bf16 rounds the weights of convolutions only", test_save_bf16),
        CHECK("bf16 to f32 and back gives equal bytes", test_there_and_back),
        CHECK("what is no checkpoint of the network is not saved", test_bad_saves),
        CHECK("a folder that is not there is an error with its name", test_no_folder),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
