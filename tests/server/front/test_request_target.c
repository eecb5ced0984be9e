#include "tests/check.h"

#include "server/front/request_target.h"

static const struct {
    const char *target;
    int query_count;
    bool good;
} rows[] = {
    {"/", 0, true},
    {"/models", 0, true},
    {"/models?", 0, true},
    {"/translate?a=b", 1, true},
    {"/translate?a=b&c&&", 4, true},
    {"/models?a=%00", 1, true},
    {"/models%00", 0, false},
    {"/models%00.css?a", 1, false},
    {"/%2500", 0, true},
    {"/a&b&c", 0, true},
};

static void test_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct px_request_target target;
        struct px_error err = {0};
        px_request_target_read(rows[i].target, &target);
        assert_int_equal(target.query_count, rows[i].query_count);
        int rc = px_request_target_check(&target, &err);
        if (rc != (rows[i].good ? 0 : -PX_E_INVALID))
            fail_msg("%s: %d", rows[i].target, rc);
    }
}

static void test_many(void **state)
{
    struct px_request_target target = {.query_count = PX_QUERY_MAX};
    struct px_error err = {0};

    (void)state;
    assert_int_equal(px_request_target_check(&target, &err), 0);
    target.query_count++;
    assert_int_equal(px_request_target_check(&target, &err), -PX_E_INVALID);
}

static void test_paths(void **state)
{
    (void)state;
    assert_string_equal(px_request_target_path("/models"), "/models");
    assert_string_equal(px_request_target_path("http://a.example/models"), "/models");
    assert_string_equal(px_request_target_path("HTTP://a.example:80"), "/");
    assert_string_equal(px_request_target_path("*"), "*");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("targets are counted, taken and refused as the table says", test_targets),
        CHECK("sixty-four query parameters are taken, one more is not", test_many),
        CHECK("a whole URL means its path", test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
