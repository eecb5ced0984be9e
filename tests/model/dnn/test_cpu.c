#include "tests/check.h"

#include <math.h>
#include <sched.h>
#include <unistd.h>

#include "base/file.h"
#include "model/dnn/cpu.h"

/* A folder that stands for a machine's /proc and /sys, of a process in the root group. */
static char root[] = "/tmp/px-cpu-XXXXXX";

static void put(const char *folder, const char *name, const char *text)
{
    char path[PX_PATH_MAX];
    struct px_error err;

    snprintf(path, sizeof path, "%s%s", root, folder);
    assert_int_equal(px_make_folder(path, &err), 0);
    snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
    assert_int_equal(px_file_save(path, text, strlen(text), &err), 0);
}

static void set_quota(const char *cpu_max)
{
    put("/sys/fs/cgroup", "cpu.max", cpu_max);
}

static int make_root(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    put("/proc/self", "cgroup", "0::/\n");
    put("/proc/self", "mountinfo",
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n");
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    return check_remove_folder(root);
}

static struct px_cpus read_cpus(void)
{
    struct px_cpus cpus;

    px_cpus_read(root, &cpus);
    return cpus;
}

static void test_mask(void **state)
{
    cpu_set_t mask;
    (void)state;

    set_quota("max 100000\n");
    assert_int_equal(sched_getaffinity(0, sizeof mask, &mask), 0);
    struct px_cpus cpus = read_cpus();
    assert_int_equal(cpus.mask, CPU_COUNT(&mask));
    assert_int_equal(cpus.usable, cpus.mask);
    assert_true(cpus.quota == (double)INFINITY);
    assert_string_equal(cpus.quota_file, "");
    assert_true(cpus.machine >= cpus.mask);
}

static void test_quota(void **state)
{
    (void)state;
    set_quota("150000 100000\n");
    struct px_cpus cpus = read_cpus();
    assert_true(fabs(cpus.quota - 1.5) < 1e-9);
    assert_int_equal(cpus.usable, 1);
    assert_non_null(strstr(cpus.quota_file, "cpu.max"));
}

static void test_below_one(void **state)
{
    (void)state;
    set_quota("20000 100000\n");
    assert_int_equal(read_cpus().usable, 1);
}

static void test_above(void **state)
{
    (void)state;
    set_quota("100000000 100000\n"); /* 1000 CPUs */
    struct px_cpus cpus = read_cpus();
    assert_int_equal(cpus.usable, cpus.mask < 1000 ? cpus.mask : 1000);
}

static void test_narrow_mask(void **state)
{
    cpu_set_t before, one;
    (void)state;

    set_quota("max 100000\n");
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (size_t cpu = 0; CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &before))
            CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    struct px_cpus cpus = read_cpus();
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(cpus.mask, 1);
    assert_int_equal(cpus.usable, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("counts the CPUs of the affinity mask", test_mask),
        CHECK("rounds a control group's quota down", test_quota),
        CHECK("and uses one CPU if it allows less", test_below_one),
        CHECK("a quota above the mask changes nothing", test_above),
        CHECK("a narrower mask counts", test_narrow_mask),
    };

    return cmocka_run_group_tests(tests, make_root, remove_root);
}
