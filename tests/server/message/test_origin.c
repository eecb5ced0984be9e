#include "tests/check.h"

#include <string.h>

#include "server/message/origin.h"

static const char *listed[] = {"https://pictures.example", "http://127.0.0.1:3000"};
static const struct px_option_list LIST = {listed, 2}, NONE = {NULL, 0};

/* `answer`: l listed, o own or no origin, f foreign. */
static const struct {
    const char *origin, *host;
    char answer;
} origins[] = {
    {NULL, "a", 'o'},
    {"https://pictures.example", "a", 'l'},
    {"https://pictures.example:443", "a", 'f'},
    {"https://Pictures.example", "a", 'f'},
    {"http://127.0.0.1:3000", "127.0.0.1:8080", 'l'},
    {"http://127.0.0.1:3001", "127.0.0.1:8080", 'f'},
    {"http://127.0.0.1:8080", "127.0.0.1:8080", 'o'},
    {"https://a.example", "a.example", 'o'},
    {"https://a.example", "A.example:443", 'o'},
    {"http://a.example:80", "a.example", 'o'},
    {"http://[::1]:8080", "[::1]:8080", 'o'},
    {"http://a.example", "b.a.example", 'f'},
    {"http://a.example.b", "a.example", 'f'},
    {"http://a", NULL, 'f'},
    {"null", "null", 'f'},
    {"", "", 'f'},
    {"://a", "a", 'f'},
};

static void test_origins(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        struct px_cross_origin judged = px_origin_judge(&LIST, origins[i].origin, origins[i].host);
        char answer = judged.allowed ? 'l' : judged.foreign ? 'f' : 'o';
        if (answer != origins[i].answer || !judged.varies)
            fail_msg("%s at %s is %c", origins[i].origin, origins[i].host, answer);
        if (judged.allowed)
            assert_string_equal(judged.allowed, origins[i].origin);
    }
    assert_false(px_origin_judge(&NONE, "http://a", "b").varies);
}

static void test_hosts(void **state)
{
    static const char *names[] = {"pictures.example"}, *any[] = {"*"};
    static const struct px_option_list list = {names, 1}, all = {any, 1};
    static const char *const good[] = {"localhost",
                                       "LOCALHOST:80",
                                       "127.0.0.1",
                                       "127.0.0.1:1",
                                       "10.1.2.3",
                                       "[::1]",
                                       "[::1]:8080",
                                       "[fe80::1]",
                                       "pictures.example",
                                       "Pictures.Example",
                                       "pictures.example:80",
                                       NULL};
    static const char *const bad[] = {
        "",     ":80",     "evil.example",   "localhost.evil",     "a[::1]", "[", "[]",
        "[::1", "127.0.1", "127.0.0.1.evil", "x.pictures.example", NULL};

    (void)state;
    assert_true(px_origin_is_host(&NONE, NULL));
    for (size_t i = 0; good[i]; i++)
        if (!px_origin_is_host(&list, good[i]))
            fail_msg("%s is refused", good[i]);
    for (size_t i = 0; bad[i]; i++)
        if (px_origin_is_host(&list, bad[i]))
            fail_msg("%s is accepted", bad[i]);
    assert_true(px_origin_is_host(&all, "evil.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("origins are own, listed or foreign as the table says", test_origins),
        CHECK("hosts are addresses, localhost or listed", test_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
