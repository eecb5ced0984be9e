#include "tests/check.h"

#include <math.h>
#include <string.h>

#include "model/checkpoint/average.h"
#include "tests/model/checkpoint/parts.h"
#include "tests/model/generator.h"

static const char *const names[] = {"one", "two", "three"};

/* Writes unet_32.safetensors with `by` added to every weight and statistic. */
static struct px_checkpoint *shifted(float by, const char *key, const char *value)
{
    struct parts parts = take_apart();
    float *owned[64] = {NULL};

    for (size_t i = 0; i < parts.count; i++) {
        size_t count = px_tensor_count(&parts.tensors[i]);
        if (parts.tensors[i].dtype != PX_F32)
            continue;
        owned[i] = malloc(count * sizeof *owned[i]);
        assert_non_null(owned[i]);
        px_tensor_to_f32(&parts.tensors[i], owned[i]);
        for (size_t j = 0; j < count; j++)
            owned[i][j] += by;
        parts.tensors[i].data = owned[i];
    }
    write_parts(&parts, key, value);
    for (size_t i = 0; i < parts.count; i++)
        free(owned[i]);
    px_checkpoint_close(parts.source);
    struct px_checkpoint *checkpoint = open_good(scratch);
    unlink(scratch); /* stays mapped */
    return checkpoint;
}

static void test_mean(void **state)
{
    struct px_checkpoint *inputs[3] = {shifted(1, "note", "a"), shifted(2, "note", "b"),
                                       shifted(6, "note", "c")};
    struct px_error err = {0};
    (void)state;

    if (px_average_save(scratch, (const struct px_checkpoint *const *)inputs, names, 3, &err))
        fail_msg("%s", err.message);
    struct px_checkpoint *mean = open_good(scratch), *plain = shifted(3, NULL, NULL);
    const struct px_tensor_list *got = px_checkpoint_list(mean), *want = px_checkpoint_list(plain);
    assert_int_equal(got->count, want->count);
    for (size_t i = 0; i < got->count; i++) {
        const struct px_tensor *a = &got->tensors[i], *b = &want->tensors[i];
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->dtype, b->dtype);
        if (a->dtype != PX_F32) {
            assert_memory_equal(a->data, b->data, a->bytes);
            continue;
        }
        for (size_t j = 0; j < px_tensor_count(a); j++) {
            float x, y;
            memcpy(&x, (const float *)a->data + j, sizeof x);
            memcpy(&y, (const float *)b->data + j, sizeof y);
            /* sums of single rounding errors of v + 1, v + 2, v + 6 and v + 3, |v| < 2 */
            if (fabsf(x - y) > 1e-6F)
                fail_msg("%s[%zu] is %f, not %f", a->name, j, (double)x, (double)y);
        }
    }
    assert_string_equal(px_metadata_find(got, "note"), "c");
    assert_string_equal(px_metadata_find(got, "architecture"), "unet_32");
    for (int i = 0; i < 3; i++)
        px_checkpoint_close(inputs[i]);
    px_checkpoint_close(mean);
    px_checkpoint_close(plain);
    unlink(scratch);
}

static void test_strangers(void **state)
{
    const struct px_network_options larger = {.architecture = "unet_32",
                                              .ngf = 3,
                                              .input_nc = 3,
                                              .output_nc = 2,
                                              .norm = PX_NORM_BATCH,
                                              .direction = "AtoB"};
    struct px_error err = {0};
    (void)state;

    generator_write(scratch, &larger, true);
    struct px_checkpoint *other = open_good(scratch);
    struct px_checkpoint *inputs[2] = {shifted(0, NULL, NULL), other};

    assert_int_equal(
        px_average_save(scratch, (const struct px_checkpoint *const *)inputs, names, 2, &err),
        -PX_E_INVALID);
    assert_int_equal(strncmp(err.message, "one: has", 8), 0);
    assert_int_equal(access(scratch, F_OK), -1);
    px_checkpoint_close(inputs[0]);
    px_checkpoint_close(inputs[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("the average holds the mean of all weights and the last one's metadata", test_mean),
        CHECK("checkpoints of other networks are refused and nothing is written", test_strangers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
