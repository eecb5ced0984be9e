#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "server/front/upload.h"

static const uint8_t bytes[1000] = {1, 2, 3};

static int add(struct px_upload *upload, struct px_owned_bytes *body, size_t size)
{
    struct px_error err = {0};

    return px_upload_add(upload, body, (struct px_span){bytes, size}, &err);
}

static void test_counting(void **state)
{
    struct px_budget budget = {.limit = 1500};
    struct px_upload upload = {.budget = &budget, .limit = 1200, .announced = 1100};
    struct px_owned_bytes body = {0};

    (void)state;
    assert_int_equal(add(&upload, &body, 1), 0);
    assert_int_equal(atomic_load(&budget.used), 1);
    assert_int_equal(upload.capacity, 1100);
    assert_int_equal(add(&upload, &body, 1000), 0);
    assert_int_equal(body.size, 1001);
    assert_memory_equal(body.data + 1, bytes, 1000);
    assert_int_equal(atomic_load(&budget.used), 1001);
    free(body.data);
    px_upload_clear(&upload);
    assert_int_equal(atomic_load(&budget.used), 0);
}

static void test_refusals(void **state)
{
    struct px_budget budget = {.limit = 1500};
    struct px_upload upload = {.budget = &budget, .limit = 1200}, other = upload;
    struct px_owned_bytes body = {0}, none = {0};

    (void)state;
    assert_int_equal(add(&upload, &body, 1000), 0);
    assert_int_equal(add(&upload, &body, 201), -PX_E_TOO_LARGE);
    assert_int_equal(add(&other, &none, 501), -PX_E_BUSY);
    assert_int_equal(body.size, 1000);
    assert_null(none.data);
    assert_int_equal(atomic_load(&budget.used), 1000);
    assert_int_equal(add(&upload, &body, 200), 0);
    assert_int_equal(add(&upload, &body, 1), -PX_E_TOO_LARGE);
    free(body.data);
    px_upload_clear(&upload);
    assert_int_equal(atomic_load(&budget.used), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a body is counted as it arrives and takes no more room than announced",
              test_counting),
        CHECK("a body over its limit or the budget is refused and leaves both as they were",
              test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
