#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/parts/checkpoint_parts.h"
#include "tests/model/checkpoint/parts.h"

/* What means nothing here is refused in our own files and ignored in those of others. */
static void test_foreign_metadata(void **state)
{
    static const char *const pairs[][3] = {
        {"dropout", "0.5", "dropout '0.5': must be true or false"},
        {"dropout", "True", "dropout 'True': must be true or false"},
        {"crop_size", "", "crop_size ''"},
        {"crop_size", "32px", "crop_size '32px'"},
        {"crop_size", "99999999999999999999", "crop_size '99999999999999999999'"},
        {"direction", "horse2zebra", "direction 'horse2zebra': must be AtoB or BtoA"},
        {"test_norm", "eval", "test_norm 'eval': must be batch or running"},
        {"norm", "batchnorm", "says norm 'batchnorm', but the tensors say 'batch'"},
        {"ngf", "64.0", "says ngf '64.0', but the tensors say '2'"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct parts parts = take_apart();
        const struct px_metadata own[] = {{"architecture", "unet_32"}, {pairs[i][0], pairs[i][1]}};
        struct px_checkpoint *c = NULL;
        struct px_error err = {0};
        char note[128];

        write_parts(&parts, pairs[i][0], pairs[i][1]);
        c = open_good(scratch);
        snprintf(note, sizeof note, "the metadata %s '%s' is ignored", pairs[i][0], pairs[i][1]);
        assert_non_null(strstr(px_checkpoint_notes(c), note));
        assert_int_equal(px_checkpoint_network(c)->crop_size, 32);
        px_checkpoint_close(c);
        assert_int_equal(px_safetensors_save(scratch, parts.tensors, parts.count, own, 2, &err), 0);
        assert_int_equal(px_checkpoint_open(&c, scratch, &err), -PX_E_FORMAT);
        if (!strstr(err.message, pairs[i][2]))
            fail_msg("expected '%s', got %s", pairs[i][2], err.message);
        px_checkpoint_close(parts.source);
    }
}

/* One stranger's value makes all numbers a stranger's; words that we use too still count. */
static void test_contradictions(void **state)
{
    struct parts parts = take_apart();
    struct px_metadata foreign[] = {{"dropout", "0.5"}, {"ngf", "64"}, {"norm", "batchnorm"}};
    struct px_checkpoint *c = NULL;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_safetensors_save(scratch, parts.tensors, parts.count, foreign, 3, &err), 0);
    c = open_good(scratch);
    assert_non_null(strstr(px_checkpoint_notes(c), "ngf '64' is ignored: the tensors show 2"));
    px_checkpoint_close(c);
    foreign[2].value = "instance";
    assert_int_equal(px_safetensors_save(scratch, parts.tensors, parts.count, foreign, 3, &err), 0);
    assert_int_equal(px_checkpoint_open(&c, scratch, &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "says norm 'instance', but the tensors say 'batch'"));
    px_checkpoint_close(parts.source);
}

static void test_not_finite(void **state)
{
    static const struct {
        const char *name, *place;
        size_t element;
        float value;
        const char *what;
    } cases[] = {
        {"model.model.0.weight", "[0, 0, 0, 0]", 0, (float)NAN, "NaN"},
        {"model.model.3.weight", "[1, 0, 1, 2]", 2 * 16 + 4 + 2, -(float)INFINITY, "-infinity"},
        {"model.model.3.bias", "[1]", 1, (float)INFINITY, "infinity"},
        {"model.model.1.model.2.running_mean", "[3]", 3, (float)INFINITY, "infinity"},
        {"model.model.1.model.2.running_var", "[0]", 0, (float)NAN, "NaN"},
        {"model.model.1.model.6.weight", "[0]", 0, (float)NAN, "NaN"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parts parts = take_apart();
        float *copy = NULL;
        char message[160];
        for (size_t k = 0; k < parts.count; k++) {
            struct px_tensor *tensor = &parts.tensors[k];
            if (strcmp(tensor->name, cases[i].name) != 0)
                continue;
            assert_true(cases[i].element < px_tensor_count(tensor));
            copy = malloc(tensor->bytes);
            assert_non_null(copy);
            memcpy(copy, tensor->data, tensor->bytes);
            copy[cases[i].element] = cases[i].value;
            tensor->data = copy;
        }
        assert_non_null(copy);
        snprintf(message, sizeof message, "tensor '%s' holds %s at %s", cases[i].name,
                 cases[i].what, cases[i].place);
        refused(&parts, NULL, NULL, message);
        free(copy);
    }
}

/* Values that only become infinite as f32 count, too. */
static void test_too_large(void **state)
{
    static const double values[] = {1, 1e38, -1e39};
    const struct px_tensor good = {"x", PX_F64, 1, {2}, values, 2 * sizeof *values};
    const struct px_tensor bad = {"x", PX_F64, 1, {3}, values, sizeof values};
    static const uint16_t halves[] = {0x7bff, 0xfc00};
    const struct px_tensor half = {"x", PX_F16, 1, {1}, halves, 2};
    const struct px_tensor bad_half = {"x", PX_F16, 1, {2}, halves, 4};
    const struct px_tensor bfloat = {"x", PX_BF16, 1, {1}, halves, 2};
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_checkpoint_check_finite(&good, &err), 0);
    assert_int_equal(px_checkpoint_check_finite(&bad, &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "'x' holds -infinity at [2]"));
    assert_int_equal(px_checkpoint_check_finite(&half, &err), 0);
    assert_int_equal(px_checkpoint_check_finite(&bad_half, &err), -PX_E_FORMAT);
    assert_int_equal(px_checkpoint_check_finite(&bfloat, &err), 0);
}

/* Saves the parts under PREFIX NAME, and what is in `others` beside them. */
static void write_prefixed(struct parts *parts, const char *prefix)
{
    static char names[64][256];
    struct px_tensor tensors[64];
    struct px_error err = {0};

    for (size_t i = 0; i < parts->count; i++) {
        snprintf(names[i], sizeof names[i], "%s%s", prefix, parts->tensors[i].name);
        tensors[i] = parts->tensors[i];
        tensors[i].name = names[i];
    }
    assert_int_equal(px_safetensors_save(scratch, tensors, parts->count, NULL, 0, &err), 0);
}

static void test_prefixes(void **state)
{
    static const char *const prefixes[] = {"module.",
                                           "_orig_mod.",
                                           "_orig_mod.module.",
                                           "module._orig_mod.",
                                           "module.module._orig_mod.module.",
                                           "netG.",
                                           "netG.module.",
                                           "module.netG._orig_mod.",
                                           "state_dict/netG/module.",
                                           "generator.model."};
    struct parts parts = take_apart();
    (void)state;

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        write_prefixed(&parts, prefixes[i]);
        struct px_checkpoint *c = open_good(scratch);
        assert_string_equal(px_checkpoint_network(c)->architecture, "unet_32");
        assert_string_equal(px_checkpoint_tensor(c, 0, PX_ROLE_WEIGHT)->name,
                            "model.model.0.weight");
        assert_memory_equal(px_checkpoint_tensor(c, 0, PX_ROLE_WEIGHT)->data,
                            px_checkpoint_tensor(parts.source, 0, PX_ROLE_WEIGHT)->data, 64);
        px_checkpoint_close(c);
    }
    px_checkpoint_close(parts.source);
}

/* Two generators, the second with other values, and something else. */
static void test_several(void **state)
{
    static char names[2][64][256];
    struct px_tensor tensors[129];
    struct parts parts = take_apart();
    struct px_checkpoint *c = NULL;
    struct px_error err = {0};
    size_t n = 0;
    (void)state;

    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < parts.count; i++) {
            snprintf(names[k][i], sizeof names[k][i], "%s%s", k ? "netG_ema." : "netG.",
                     parts.tensors[i].name);
            tensors[n] = parts.tensors[i];
            tensors[n++].name = names[k][i];
        }
    tensors[n] = parts.tensors[0];
    tensors[n++].name = "netD.model.0.weight";
    assert_int_equal(px_safetensors_save(scratch, tensors, n, NULL, 0, &err), 0);
    assert_int_equal(px_checkpoint_open(&c, scratch, &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "holds 2 generators (netG, netG_ema); choose one with"));
    assert_int_equal(px_checkpoint_import(&c, scratch, "netG_ema", &err), 0);
    assert_non_null(strstr(px_checkpoint_notes(c), "the generator is 'netG_ema'"));
    px_checkpoint_close(c);
    assert_int_equal(px_checkpoint_import(&c, scratch, "netG", &err), 0);
    px_checkpoint_close(c);
    assert_int_equal(px_checkpoint_import(&c, scratch, "G", &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "--key G: no generator has that name"));
    assert_non_null(strstr(err.message, "the file holds: netG, netG_ema"));
    px_checkpoint_close(parts.source);
}

/* A name of a tensor beside it says which is meant. */
static void test_nearest(void **state)
{
    struct parts parts = take_apart();
    (void)state;

    for (size_t i = 0; i < parts.count; i++)
        if (strcmp(parts.tensors[i].name, "model.model.3.bias") == 0)
            parts.tensors[i].name = "model.model.3.bais";
    refused(&parts, NULL, NULL,
            "'model.model.3.bais' does not belong to unet_32 with batch norm; the nearest name "
            "that does is 'model.model.3.bias'");
    parts = take_apart();
    parts.count = 1;
    parts.tensors[0].name = "model.modle.0.weight";
    refused(&parts, NULL, NULL,
            "the first tensor that does not fit is 'model.modle.0.weight', and the known name "
            "nearest to "
            "that is 'model.model.0.weight'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("refuses numbers that are not finite, and names them", test_not_finite),
        CHECK("and those that f32 cannot hold", test_too_large),
        CHECK("strips module. and _orig_mod. and finds a nested generator", test_prefixes),
        CHECK("takes the generator that --key names of several", test_several),
        CHECK("names the nearest tensor that it knows", test_nearest),
        CHECK("ignores foreign metadata that means nothing here, with a note",
              test_foreign_metadata),
        CHECK("but not what contradicts the tensors", test_contradictions),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
