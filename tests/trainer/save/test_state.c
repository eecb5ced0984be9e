#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/checkpoint/checkpoint.h"
#include "trainer/save/output.h"
#include "trainer/save/state.h"

static char folder[64];

static const char *in(const char *name)
{
    static char path[2][256];
    static int turn;

    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

/* What a training might hold: two tensors and the count of steps. */
struct memory {
    float weight[6], moment[6];
    int64_t steps;
    struct px_tensor tensors[3];
    struct px_metadata options[2];
    struct px_state state;
};

static void fill(struct memory *m, float value, int64_t steps)
{
    for (int i = 0; i < 6; i++) {
        m->weight[i] = value + (float)i;
        m->moment[i] = -value;
    }
    m->steps = steps;
    m->tensors[0] =
        (struct px_tensor){"G.a.weight", PX_F32, 2, {2, 3}, m->weight, sizeof m->weight};
    m->tensors[1] =
        (struct px_tensor){"G.adam_m.a.weight", PX_F32, 2, {2, 3}, m->moment, sizeof m->moment};
    m->tensors[2] = (struct px_tensor){"steps", PX_I64, 0, {0}, &m->steps, sizeof m->steps};
    m->options[0] = (struct px_metadata){"ngf", "64"};
    m->options[1] = (struct px_metadata){"lambda_L1", "100"};
    m->state = (struct px_state){
        .tensors = m->tensors, .count = 3, .options = m->options, .option_count = 2};
}

static void test_round_trip(void **state)
{
    struct memory a, b;
    struct px_error err = {0};
    (void)state;

    fill(&a, 3, 77);
    fill(&b, 0, 0);
    assert_int_equal(px_state_save(in("r.state"), &a.state, &err), 0);
    assert_int_equal(px_state_load(in("r.state"), &b.state, &err), 0);
    assert_memory_equal(a.weight, b.weight, sizeof a.weight);
    assert_memory_equal(a.moment, b.moment, sizeof a.moment);
    assert_int_equal(px_state_steps(&b.state), 77);
}

static void test_notes(void **state)
{
    struct memory a;
    struct px_note notes[] = {{"best_epoch", "12"}, {"best_L1", "0.25"}};
    struct px_error err = {0};
    (void)state;

    fill(&a, 3, 77);
    a.state.notes = notes;
    a.state.note_count = 1;
    assert_int_equal(px_state_save(in("n.state"), &a.state, &err), 0);
    strcpy(notes[0].value, "13");
    a.state.note_count = 2;
    assert_int_equal(px_state_load(in("n.state"), &a.state, &err), 0);
    assert_string_equal(notes[0].value, "12");
    assert_string_equal(notes[1].value, "");
}

static void test_options(void **state)
{
    struct memory a;
    struct px_error err = {0};
    (void)state;

    fill(&a, 3, 77);
    assert_int_equal(px_state_save(in("o.state"), &a.state, &err), 0);
    fill(&a, 1, 1);
    a.options[1].value = "10";
    assert_int_equal(px_state_load(in("o.state"), &a.state, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "lambda-L1 100, now it is 10"));
    assert_int_equal(a.steps, 1); /* nothing was read */
    a.state.option_count = 1;     /* the other is at its default now, and was not then */
    assert_int_equal(px_state_load(in("o.state"), &a.state, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "lambda-L1 100, now it is (its default)"));
    assert_int_equal(px_state_save(in("o.state"), &a.state, &err), 0);
    a.state.option_count = 2;
    assert_int_equal(px_state_load(in("o.state"), &a.state, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "lambda-L1 (its default), now it is 10"));
}

static void test_damage(void **state)
{
    struct memory a;
    struct px_error err = {0};
    uint8_t *data;
    size_t size;
    (void)state;

    fill(&a, 3, 77);
    assert_int_equal(px_state_save(in("d.state"), &a.state, &err), 0);
    assert_int_equal(px_file_read(in("d.state"), 1 << 20, &data, &size, &err), 0);
    assert_int_equal(px_file_save(in("cut.state"), data, size - 4, &err), 0);
    free(data);
    assert_int_equal(px_state_load(in("cut.state"), &a.state, &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "cut.state"));

    a.tensors[1].shape[0] = 3; /* another network */
    a.tensors[1].shape[1] = 2;
    assert_int_equal(px_state_load(in("d.state"), &a.state, &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "G.adam_m.a.weight"));
    assert_int_equal(px_state_load(in("none.state"), &a.state, &err), -PX_E_NOT_FOUND);

    fill(&a, 3, 77); /* a safetensors file, but no state */
    assert_int_equal(px_safetensors_save(in("other.state"), a.tensors, 3, a.options, 2, &err), 0);
    assert_int_equal(px_state_load(in("other.state"), &a.state, &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "not a state"));
}

static void test_not_finite(void **state)
{
    struct memory a, b;
    struct px_error err = {0};
    (void)state;

    fill(&a, 3, 77);
    assert_int_equal(px_state_save(in("n.state"), &a.state, &err), 0);
    a.moment[4] = NAN;
    assert_int_equal(px_state_save(in("n.state"), &a.state, &err), -PX_E_INTERNAL);
    assert_non_null(strstr(err.message, "G.adam_m.a.weight"));
    fill(&b, 0, 0);
    assert_int_equal(px_state_load(in("n.state"), &b.state, &err), 0);
    assert_int_equal(b.steps, 77);
}

static void test_output(void **state)
{
    struct px_output output = {0};
    struct px_error err = {0};
    char path[4096];
    (void)state;

    assert_int_equal(px_output_open(&output, in("new/deep/m.safetensors"), true, &err),
                     -PX_E_NOT_FOUND);
    assert_int_equal(access(in("new"), F_OK), -1);
    assert_int_equal(px_output_open(&output, in("new/deep/m.safetensors"), false, &err),
                     -PX_E_NOT_FOUND); /* of two folders */
    assert_non_null(strstr(err.message, "new/deep: cannot create the folder"));
    assert_int_equal(px_path_make_folder(in("new"), NULL, &err), 0);
    assert_int_equal(px_output_open(&output, in("new/deep/m.safetensors"), false, &err), 0);
    assert_true(output.made_folder);
    assert_string_equal(output.state, in("new/deep/m.state"));
    assert_int_equal(access(output.state, F_OK), -1); /* probing leaves nothing */
    px_output_close(&output);
    assert_int_equal(access(output.lock, F_OK), -1);
    assert_int_equal(px_output_picture(&output, 7, path, &err), 0);
    assert_string_equal(path, in("new/deep/m.pictures/epoch_007.png"));
    assert_int_equal(px_output_epoch(&output, 15, path, &err), 0);
    assert_string_equal(path, in("new/deep/m.epochs/m_015.safetensors"));
    assert_int_equal(px_output_epoch_state(&output, 15, path, &err), 0);
    assert_string_equal(path, in("new/deep/m.epochs/m_015.state"));

    assert_int_equal(px_file_save(output.checkpoint, "x", 1, &err), 0);
    assert_int_equal(px_output_open(&output, in("new/deep/m.safetensors"), false, &err), -PX_E_IO);
    assert_non_null(strstr(err.message, "m.safetensors is there"));
    assert_null(strstr(err.message, "--continue-train")); /* without a state there is none */
    assert_int_equal(px_output_open(&output, in("new/deep/m.safetensors"), true, &err),
                     -PX_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "m.state: not there, so the training cannot be continued"));
    assert_non_null(strstr(err.message, "--init "));
    assert_int_equal(remove(output.checkpoint), 0);
    assert_int_equal(px_output_open(&output, in("new/deep/m.safetensors"), true, &err),
                     -PX_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "leave --continue-train out"));
    assert_int_equal(px_file_save(output.checkpoint, "x", 1, &err), 0);
    assert_int_equal(px_file_save(output.state, "x", 1, &err), 0);
    assert_int_equal(px_output_open(&output, in("new/deep/m.safetensors"), false, &err), -PX_E_IO);
    assert_non_null(strstr(err.message, "--continue-train"));
    assert_int_equal(px_output_open(&output, in("new/deep/m.safetensors"), true, &err), 0);
    px_output_close(&output);

    assert_int_equal(px_output_open(&output, "/dev/null/m.safetensors", false, &err), -PX_E_IO);
    assert_non_null(strstr(err.message, "/dev/null"));
    assert_int_equal(px_output_open(&output, "/proc/m.safetensors", false, &err), -PX_E_IO);
    px_output_close(&output);
}

static void test_lock(void **state)
{
    struct px_output first = {0}, second = {0};
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_output_open(&first, in("lock.safetensors"), false, &err), 0);
    assert_int_equal(px_output_open(&second, in("lock.safetensors"), false, &err), -PX_E_BUSY);
    assert_non_null(strstr(err.message, "lock.lock: another pix2pix-train"));
    px_output_close(&second); /* takes nothing from the first */
    assert_int_equal(px_output_open(&second, in("lock.safetensors"), false, &err), -PX_E_BUSY);
    px_output_close(&first);
    assert_int_equal(px_output_open(&second, in("lock.safetensors"), false, &err), 0);
    px_output_close(&second);
}

static void test_leftovers(void **state)
{
    static const char *const left[] = {"rest.state.tmp-12", "rest.safetensors.tmp-3",
                                       "rest.report.html.tmp-7", "rest.pictures/a.png.tmp-8"};
    static const char *const kept[] = {"rest.state.tmp-x", "rest.b.state.tmp-12", "rest.tmp-12",
                                       "rest.pictures/a.png"};
    struct px_output output = {0};
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_make_folder(in("rest.pictures"), &err), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(px_file_save(in(left[i]), "x", 1, &err), 0);
        assert_int_equal(px_file_save(in(kept[i]), "x", 1, &err), 0);
    }
    assert_int_equal(px_output_open(&output, in("rest.safetensors"), false, &err), 0);
    px_output_close(&output);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(access(in(left[i]), F_OK), -1);
        assert_int_equal(access(in(kept[i]), F_OK), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a saved state is read back as it was", test_round_trip),
        CHECK("an option that changed is refused with both values", test_options),
        CHECK("notes come back as they were saved, or empty", test_notes),
        CHECK("a damaged or foreign state is refused before anything is read", test_damage),
        CHECK("weights that are not finite are never saved over good ones", test_not_finite),
        CHECK("files of an earlier training are not overwritten, folders are made or refused",
              test_output),
        CHECK("two trainings never write to the same files", test_lock),
        CHECK("what a killed training left half written is removed, and only that", test_leftovers),
    };
    snprintf(folder, sizeof folder, "/tmp/px-state-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return check_remove_folder(folder) != 0 || failed;
}
