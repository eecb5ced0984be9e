#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "model/dnn/blocked.h"

/* Blocks of 8, 16, 24, 32 and 64 of either dimension, no blocks, and the pairs that bf16 has. */
static const struct format {
    const char *name;
    dnnl_format_tag_t tag;
} formats[] = {
    {"oihw", dnnl_oihw},
    {"ohwi", dnnl_acdb},
    {"hwio", dnnl_cdba},
    {"Acdb8a", dnnl_Acdb8a},
    {"Acdb16a", dnnl_Acdb16a},
    {"Acdb24a", dnnl_Acdb24a},
    {"Acdb32a", dnnl_Acdb32a},
    {"Acdb64a", dnnl_Acdb64a},
    {"BAcd16b16a", dnnl_BAcd16b16a},
    {"ABcd16b16a", dnnl_ABcd16b16a},
    {"ABcd8b8a", dnnl_ABcd8b8a},
    {"aBcd16b", dnnl_aBcd16b},
    {"ABcd8b16a2b", dnnl_ABcd8b16a2b},
};
enum { FORMATS = sizeof formats / sizeof *formats };

/* oc, ic, kernel: whole blocks and not, taps that fill a tile, that do not, and more. */
static const dnnl_dims_t sizes[] = {
    {48, 48, 1, 1}, {40, 33, 1, 1}, {64, 32, 2, 2}, {35, 17, 2, 2}, {32, 32, 3, 3},
    {27, 5, 3, 3},  {16, 64, 4, 4}, {48, 19, 4, 4}, {20, 18, 7, 7}, {1, 1, 7, 7},
};
enum { SIZES = sizeof sizes / sizeof *sizes };

struct weights {
    dnnl_memory_desc_t plain, packed;
    size_t count, bytes; /* of the plain ones; of the packed buffer */
    float *values, *ours, *theirs;
    struct px_blocked *blocked;
};

static bool setup(struct weights *w, const struct format *format, const dnnl_dims_t dims,
                  dnnl_data_type_t type)
{
    *w = (struct weights){.count = (size_t)(dims[0] * dims[1] * dims[2] * dims[3])};
    dnnl_memory_desc_create_with_tag(&w->plain, 4, dims, dnnl_f32, dnnl_oihw);
    dnnl_memory_desc_create_with_tag(&w->packed, 4, dims, type, format->tag);
    w->bytes = dnnl_memory_desc_get_size(w->packed);
    w->values = malloc(w->count * sizeof *w->values);
    w->ours = malloc(w->bytes);
    w->theirs = malloc(w->bytes);
    w->blocked = px_blocked_create(w->packed);
    for (size_t i = 0; i < w->count; i++)
        w->values[i] = (float)(i + 1);
    memset(w->ours, 0xff, w->bytes);
    return w->blocked;
}

static void teardown(struct weights *w)
{
    px_blocked_destroy(w->blocked);
    dnnl_memory_desc_destroy(w->plain);
    dnnl_memory_desc_destroy(w->packed);
    free(w->values);
    free(w->ours);
    free(w->theirs);
}

/* Has oneDNN pack the values into `theirs`. */
static void reorder(const struct weights *w)
{
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_memory_t from, to;
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;

    dnnl_engine_create(&engine, dnnl_cpu, 0);
    dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
    dnnl_memory_create(&from, w->plain, engine, w->values);
    dnnl_memory_create(&to, w->packed, engine, w->theirs);
    assert_int_equal(
        dnnl_reorder_primitive_desc_create(&desc, w->plain, engine, w->packed, engine, NULL),
        dnnl_success);
    assert_int_equal(dnnl_primitive_create(&primitive, desc), dnnl_success);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    assert_int_equal(dnnl_primitive_execute(primitive, stream, 2, args), dnnl_success);
    dnnl_stream_wait(stream);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(desc);
    dnnl_memory_destroy(from);
    dnnl_memory_destroy(to);
    dnnl_stream_destroy(stream);
    dnnl_engine_destroy(engine);
}

static void check(const struct format *format, const dnnl_dims_t dims)
{
    struct weights w;

    if (!setup(&w, format, dims, dnnl_f32))
        fail_msg("%s is not known as a blocked format", format->name);
    reorder(&w);
    px_blocked_pack_f32(w.blocked, w.values, w.ours, 3);
    if (memcmp(w.ours, w.theirs, w.bytes) != 0)
        fail_msg("%s of %dx%dx%d is packed otherwise than by oneDNN", format->name, (int)dims[0],
                 (int)dims[1], (int)dims[2]);
    float *back = calloc(w.count, sizeof *back);
    px_blocked_unpack_f32(w.blocked, w.ours, back, 3);
    if (memcmp(back, w.values, w.count * sizeof *back) != 0)
        fail_msg("%s of %dx%dx%d comes back different", format->name, (int)dims[0], (int)dims[1],
                 (int)dims[2]);
    free(back);
    teardown(&w);
}

static void test_weights_are_packed_as_onednn_packs_them_and_come_back(void **state)
{
    (void)state;
    for (size_t f = 0; f < FORMATS; f++)
        for (size_t s = 0; s < SIZES; s++)
            check(&formats[f], sizes[s]);
}

static void test_bf16_is_packed_as_onednn_packs_it(void **state)
{
    struct weights w;

    (void)state;
    for (size_t i = 0; i < FORMATS * SIZES; i++) {
        const struct format *format = &formats[i / SIZES];
        assert_true(setup(&w, format, sizes[i % SIZES], dnnl_bf16));
        reorder(&w);
        px_blocked_pack_bf16(w.blocked, w.values, (uint16_t *)w.ours, 3);
        if (memcmp(w.ours, w.theirs, w.bytes) != 0)
            fail_msg("%s of size %zu is packed otherwise than by oneDNN", format->name, i % SIZES);
        teardown(&w);
    }
}

static void test_a_cell_is_packed_from_an_array_of_its_own(void **state)
{
    const dnnl_dims_t dims = {40, 24, 2, 2};
    float cell_values[24 * 8 * 4];
    struct weights w;

    (void)state;
    assert_true(setup(&w, &formats[5], dims, dnnl_f32)); /* Acdb24a: a run of 16 is in two blocks */
    px_blocked_pack_f32(w.blocked, w.values, w.ours, 1);
    memcpy(w.theirs, w.ours, w.bytes);
    const struct px_cell cell = {16, 16, 24, 8, cell_values, 8 * 4};
    px_blocked_unpack_cell(w.blocked, &cell, w.ours);
    for (size_t o = 0; o < 24; o++)
        for (size_t k = 0; k < 8 * 4; k++) {
            float *value = &cell_values[o * 8 * 4 + k];
            assert_true(*value == w.values[((16 + o) * 24 + 16) * 4 + k]);
            *value = -*value;
        }
    px_blocked_pack_cell(w.blocked, &cell, PX_F32, w.ours);
    size_t negative = 0;
    for (size_t i = 0; i < w.bytes / sizeof(float); i++) {
        assert_true(w.ours[i] == w.theirs[i] || w.ours[i] == -w.theirs[i]);
        negative += w.ours[i] < 0;
    }
    assert_int_equal(negative, 24 * 8 * 4);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_are_packed_as_onednn_packs_them_and_come_back),
        cmocka_unit_test(test_bf16_is_packed_as_onednn_packs_it),
        cmocka_unit_test(test_a_cell_is_packed_from_an_array_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
