#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

/* cmocka, with tests named by sentences:
 *
 *     static void test_short_header(void **state) { ... assert_int_equal(...); }
 *     int main(void)
 *     {
 *         const struct CMUnitTest tests[] = {
 *             CHECK("refuses a header cut after three bytes", test_short_header),
 *         };
 *         return cmocka_run_group_tests(tests, NULL, NULL);
 *     }
 *
 * Every program prints TAP (meson sets CMOCKA_MESSAGE_OUTPUT). Files live in the folder that
 * PX_TESTS names (tests/ of the source tree); scratch files belong in mkdtemp() folders. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHECK(sentence, function)                                                                  \
    {                                                                                              \
        (sentence), (function), NULL, NULL, NULL                                                   \
    }

/* Leaves a test that this CPU cannot run; it is printed as "ok N - sentence # SKIP reason" and
 * counted as skipped. Only in the file of main(), and only in a test started by CHECK().
 * (cmocka's own skip() prints "not ok ... # SKIP", which meson counts as a failure.) */
#define NEEDS(able, what)                                                                          \
    do {                                                                                           \
        if (!(able)) {                                                                             \
            tap_skip(" # SKIP this CPU has no " what);                                             \
            return;                                                                                \
        }                                                                                          \
    } while (0)

enum { TAP_REASON = 100 }; /* bytes that every name has left for why it was skipped */

/* The tests of the program and the one that runs; cmocka prints a test's name after it has run. */
static struct {
    const struct CMUnitTest *tests;
    char **names;
    size_t next;
} tap_group __attribute__((unused));

static inline void tap_enter(void **state)
{
    tap_group.tests[tap_group.next++].test_func(state);
}

static inline void tap_skip(const char *reason)
{
    char *name = tap_group.names[tap_group.next - 1];

    assert_true(strlen(reason) < TAP_REASON);
    strcpy(name + strlen(name), reason);
}

/* cmocka_run_group_tests(), with names that a test can add to. */
static inline int tap_run(const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
                          CMFixtureFunction teardown)
{
    struct CMUnitTest *copies = calloc(count, sizeof *copies);
    char **names = calloc(count, sizeof *names);
    int failed;

    assert_non_null(copies);
    assert_non_null(names);
    for (size_t i = 0; i < count; i++) {
        names[i] = malloc(strlen(tests[i].name) + TAP_REASON);
        assert_non_null(names[i]);
        strcpy(names[i], tests[i].name);
        copies[i] = tests[i];
        copies[i].name = names[i];
        copies[i].test_func = tap_enter;
    }
    tap_group.tests = tests;
    tap_group.names = names;
    failed = _cmocka_run_group_tests("tests", copies, count, setup, teardown);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    free(copies);
    return failed;
}

#undef cmocka_run_group_tests
#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    tap_run(tests, sizeof(tests) / sizeof(tests)[0], setup, teardown)

/* Removes the scratch folder of a program with all that its tests left there; 0 on success. */
static inline int check_remove_folder(const char *folder)
{
    char command[4200];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

#endif
