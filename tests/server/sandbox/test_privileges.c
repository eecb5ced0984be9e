#include "tests/server/sandbox/attempt.h"

#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "server/sandbox/privileges.h"

static char folder[] = "/tmp/test_privileges.XXXXXX";

#define NEEDS_ROOT()                                                                               \
    if (geteuid() != 0) {                                                                          \
        tap_skip(" # SKIP only root can become another user");                                     \
        return;                                                                                    \
    }

/* The effective capabilities of this process. */
static unsigned long long capabilities(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    unsigned long long bits = 1;
    char line[256];

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "CapEff: %llx", &bits) == 1)
            break;
    if (file)
        fclose(file);
    return bits;
}

static int drop(const char *user, const char *models, bool restricted)
{
    const struct px_privileges_options options = {
        .user = user, .models = models, .restricted = restricted};

    return px_privileges_drop(&options, NULL);
}

static int become_number(void)
{
    gid_t groups[8];

    if (drop("12345", ".", true) != 0)
        return 1;
    if (getuid() != 12345 || geteuid() != 12345 || getgid() != 12345 || getegid() != 12345)
        return 2;
    if (getgroups(8, groups) != 0 || capabilities() != 0)
        return 3;
    return setuid(0) == 0 || setresuid(0, 0, 0) == 0 || setgid(0) == 0 || setgroups(0, NULL) == 0;
}

static void test_number(void **state)
{
    (void)state;
    NEEDS_ROOT();
    assert_int_equal(run_child(become_number), 0);
}

static int become_name(void)
{
    return drop("nobody", ".", true) != 0 || getuid() != 65534 || capabilities() != 0;
}

static void test_name(void **state)
{
    (void)state;
    NEEDS_ROOT();
    assert_int_equal(run_child(become_name), 0);
}

static int become_default(void)
{
    chmod(folder, 0755);
    return drop(NULL, folder, true) != 0 || getuid() != 65534 || capabilities() != 0;
}

/* CAP_DAC_READ_SEARCH is bit 2. */
static int become_default_reader(void)
{
    chmod(folder, 0700);
    return drop(NULL, folder, true) != 0 || getuid() != 65534 || capabilities() != 4 ||
           access("/proc/self/exe", R_OK) != 0 || setuid(0) == 0;
}

static int become_default_unrestricted(void)
{
    chmod(folder, 0700);
    return drop(NULL, folder, false) != 0 || getuid() != 65534 || capabilities() != 0;
}

static void test_default(void **state)
{
    (void)state;
#ifdef PX_INSTRUMENTED
    tap_skip(" # SKIP a build with sanitizers or coverage stays root");
    return;
#endif
    NEEDS_ROOT();
    assert_int_equal(run_child(become_default), 0);
    assert_int_equal(run_child(become_default_reader), 0);
    assert_int_equal(run_child(become_default_unrestricted), 0);
}

static int stay_root(void)
{
    return drop("root", ".", true) != 0 || drop("0", ".", true) != 0 || getuid() != 0;
}

static void test_root(void **state)
{
    (void)state;
    NEEDS_ROOT();
    assert_int_equal(run_child(stay_root), 0);
}

static int is_not_root(void)
{
    if (geteuid() == 0 && setuid(4321) != 0)
        return 1;
    char own[16];
    snprintf(own, sizeof own, "%u", geteuid());
    return drop(NULL, ".", true) != 0 || drop(own, ".", true) != 0 ||
           drop("12345", ".", true) != -PX_E_USAGE || drop("root", ".", true) != -PX_E_USAGE;
}

static void test_not_root(void **state)
{
    (void)state;
    assert_int_equal(run_child(is_not_root), 0);
}

static void test_unknown(void **state)
{
    const struct px_privileges_options options = {.user = "no-such-user", .models = "."};
    struct px_error err = {0};

    (void)state;
    assert_int_equal(px_privileges_drop(&options, &err), -PX_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "--user no-such-user"));
    for (size_t i = 0; i < 3; i++) {
        const char *const bad[] = {"4294967295", "99999999999999999999", "12x"};
        assert_int_equal(drop(bad[i], ".", true), -PX_E_NOT_FOUND);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("becomes the user of a number, and cannot come back", test_number),
        CHECK("becomes the user of a name, without capabilities", test_name),
        CHECK("becomes nobody by default, who may read the models and nothing else", test_default),
        CHECK("stays root if it is told to", test_root),
        CHECK("only root can become another user", test_not_root),
        CHECK("a user that does not exist is refused", test_unknown),
    };
    px_log_set_level(PX_LOG_ERROR);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
