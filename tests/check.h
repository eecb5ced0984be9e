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

#include <cmocka.h>

#define CHECK(sentence, function)                                                                  \
    {                                                                                              \
        (sentence), (function), NULL, NULL, NULL                                                   \
    }

/* Leaves a test that this CPU cannot run. cmocka's skip() prints "not ok ... # SKIP", which meson
 * counts as a failure. */
#define NEEDS(able, what)                                                                          \
    do {                                                                                           \
        if (!(able)) {                                                                             \
            print_message("# not tested: this CPU has no " what "\n");                             \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* Removes the scratch folder of a program with all that its tests left there; 0 on success. */
static inline int check_remove_folder(const char *folder)
{
    char command[4200];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

#endif
