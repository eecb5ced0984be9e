#include "tests/check.h"

#include <math.h>

#include "trainer/settings/schedule.h"

static void assert_near(double a, double b)
{
    assert_true(a - b < 1e-12 && b - a < 1e-12);
}

static void test_schedule(void **state)
{
    static const double three_and_two[] = {2e-4, 2e-4, 2e-4, 2e-4 * 2 / 3, 2e-4 / 3};
    struct px_schedule s = {.lr = 0.0002, .n_epochs = 3, .n_epochs_decay = 2};
    (void)state;

    for (int64_t epoch = 1; epoch <= 5; epoch++)
        assert_near(px_schedule_lr(&s, epoch), three_and_two[epoch - 1]);
    s = (struct px_schedule){.lr = 0.0002, .n_epochs = 100, .n_epochs_decay = 100};
    assert_near(px_schedule_lr(&s, 1), 0.0002);
    assert_near(px_schedule_lr(&s, 100), 0.0002);
    assert_near(px_schedule_lr(&s, 101), 0.0002 * (1 - 1.0 / 101));
    assert_near(px_schedule_lr(&s, 200), 0.0002 / 101);
    s.n_epochs_decay = 0;
    assert_near(px_schedule_lr(&s, 100), 0.0002); /* no epoch trains at rate 0 */
    s = (struct px_schedule){.lr = 0.0002, .n_epochs = 0, .n_epochs_decay = 3};
    assert_near(px_schedule_lr(&s, 1), 0.0002 * 3 / 4);
}

/* The rates of trainings that began under the old rule. */
static void test_early(void **state)
{
    struct px_schedule s = {.lr = 0.0002, .n_epochs = 100, .n_epochs_decay = 100, .early = true};
    struct px_schedule step = {PX_LR_STEP, .lr = 0.0002, .decay_epochs = 3, .early = true};
    (void)state;

    assert_near(px_schedule_lr(&s, 99), 0.0002);
    assert_near(px_schedule_lr(&s, 100), 0.0002 * (1 - 1.0 / 101));
    assert_near(px_schedule_lr(&s, 200), 0);
    assert_near(px_schedule_lr(&step, 2), 0.0002);
    assert_near(px_schedule_lr(&step, 3), 0.00002);
}

/* The numbers of these are those of torch.optim.lr_scheduler. */
static void test_other_schedules(void **state)
{
    struct px_schedule step = {PX_LR_STEP, .lr = 0.0002, .decay_epochs = 3};
    struct px_schedule cosine = {PX_LR_COSINE, .lr = 0.0002, .n_epochs = 10};
    (void)state;

    assert_near(px_schedule_lr(&step, 1), 0.0002);
    assert_near(px_schedule_lr(&step, 3), 0.0002);
    assert_near(px_schedule_lr(&step, 4), 0.00002);
    assert_near(px_schedule_lr(&step, 6), 0.00002);
    assert_near(px_schedule_lr(&step, 16), 0.0002e-5);
    assert_near(px_schedule_lr(&cosine, 1), 0.0002);
    assert_true(fabs(px_schedule_lr(&cosine, 2) - 0.000195106) < 1e-9);
    assert_true(fabs(px_schedule_lr(&cosine, 6) - 0.0001) < 1e-9);
    assert_true(fabs(px_schedule_lr(&cosine, 9) - 1.90983e-05) < 1e-9);
    assert_near(px_schedule_lr(&cosine, 11), 0);
    assert_true(fabs(px_schedule_lr(&cosine, 14) - 4.12215e-05) < 1e-9);
}

static void test_plateau(void **state)
{
    /* 3.961 is not 1 % below 4; .38 is below .395, .377 not below .38 */
    static const double metrics[] = {.5,  .4,  .397, .3961, .395, .41, .5,  .396, .399, .38, .377,
                                     .38, .38, .38,  .38,   .38,  .38, .38, .39,  .39,  .39, .39};
    struct px_schedule s = {PX_LR_PLATEAU, .lr = 0.0002}, back;
    struct px_error err = {0};
    char text[40], again[40];
    (void)state;

    for (int i = 0; i < 22; i++) {
        px_schedule_observe(&s, metrics[i]);
        assert_near(px_schedule_lr(&s, i + 2), i < 15 ? 0.0002 : i < 21 ? 0.00004 : 0.000008);
        /* Saved and continued at any place it goes on the same. */
        px_schedule_write(&s, text, sizeof text);
        back = (struct px_schedule){PX_LR_PLATEAU, .lr = 0.0002};
        assert_int_equal(px_schedule_read(&back, text, &err), 0);
        px_schedule_write(&back, again, sizeof again);
        assert_string_equal(text, again);
        s = back;
    }
    for (int i = 0; i < 100; i++)
        px_schedule_observe(&s, 1);
    assert_true(fabs(px_schedule_lr(&s, 200) / 2.56e-9 - 1) <
                1e-9); /* the least that torch goes to */
    assert_int_equal(px_schedule_read(&s, "1 2", &err), -PX_E_FORMAT);
    assert_int_equal(px_schedule_read(&s, "1 2 -3 4", &err), -PX_E_FORMAT);
    assert_int_equal(px_schedule_read(&s, "1 2 3 nan", &err), -PX_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("the learning rate falls as the reference's linear policy does", test_schedule),
        CHECK("trainings of the first version keep their rates, one epoch early", test_early),
        CHECK("step and cosine give torch's rates", test_other_schedules),
        CHECK("plateau gives torch's rates, also when saved in between", test_plateau),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
