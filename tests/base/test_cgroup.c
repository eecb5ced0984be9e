#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/file.h"

/* Each test makes a tree of its own that stands for a machine's /proc and /sys. */
static char root[64];

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/px-cgroup-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return check_remove_folder(root);
}

static void put(const char *path, const char *text)
{
    char full[PX_PATH_MAX], folder[PX_PATH_MAX];
    struct px_error err = {0};

    assert_int_equal(px_path_format(full, &err, "%s%s", root, path), 0);
    assert_int_equal(px_path_folder(folder, full, &err), 0);
    assert_int_equal(px_make_folder(folder, &err), 0);
    assert_int_equal(px_file_save(full, text, strlen(text), &err), 0);
}

static void expect_limits(double cpus, const char *cpus_file, uint64_t memory,
                          const char *memory_file)
{
    struct px_cgroup_limits limits;

    px_cgroup_read_limits(root, &limits);
    assert_true(limits.cpus == cpus);
    assert_string_equal(limits.cpus_file, cpus_file);
    assert_true(limits.memory == memory);
    assert_string_equal(limits.memory_file, memory_file);
}

static void expect_usage(uint64_t memory, uint64_t periods, double seconds)
{
    struct px_cgroup *group;
    struct px_cgroup_limits limits;
    struct px_cgroup_usage usage;
    struct px_error err = {0};

    assert_int_equal(px_cgroup_create(&group, root, &err), 0);
    px_cgroup_read(group, &limits, &usage);
    px_cgroup_destroy(group);
    assert_true(usage.memory == memory);
    assert_true(usage.throttled_periods == periods);
    assert_true(fabs(usage.throttled_seconds - seconds) < 1e-9);
}

static const char v2_mount[] =
    "22 1 0:20 / /proc rw,nosuid - proc proc rw\n"
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
static const char v1_mounts[] =
    "31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "34 31 0:31 / /sys/fs/cgroup/memory rw,relatime shared:4 - cgroup cgroup rw,memory\n";

static void test_v2(void **state)
{
    (void)state;
    put("/proc/self/mountinfo", v2_mount);
    put("/proc/self/cgroup", "0::/\n"); /* a container with a namespace of its own */
    put("/sys/fs/cgroup/cpu.max", "250000 100000\n");
    put("/sys/fs/cgroup/memory.max", "314572800\n");
    put("/sys/fs/cgroup/memory.current", "1048576\n");
    put("/sys/fs/cgroup/cpu.stat", "usage_usec 5000\nnr_periods 80\nnr_throttled 12\n"
                                   "throttled_usec 1500000\n");
    expect_limits(2.5, "/sys/fs/cgroup/cpu.max", 314572800, "/sys/fs/cgroup/memory.max");
    expect_usage(1048576, 12, 1.5);
}

static void test_v2_nested(void **state)
{
    (void)state;
    put("/proc/self/mountinfo", v2_mount);
    put("/proc/self/cgroup", "0::/a.slice/b.slice/c.scope\n");
    put("/sys/fs/cgroup/a.slice/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/a.slice/memory.max", "1000000\n");
    put("/sys/fs/cgroup/a.slice/memory.current", "777\n");
    put("/sys/fs/cgroup/a.slice/b.slice/cpu.max", "50000 100000\n");
    put("/sys/fs/cgroup/a.slice/b.slice/memory.max", "max\n");
    put("/sys/fs/cgroup/a.slice/b.slice/cpu.stat", "nr_throttled 3\nthrottled_usec 2\n");
    put("/sys/fs/cgroup/a.slice/b.slice/c.scope/cpu.max", "300000 100000\n");
    put("/sys/fs/cgroup/a.slice/b.slice/c.scope/cpu.stat", "nr_throttled 0\nthrottled_usec 0\n");
    put("/sys/fs/cgroup/a.slice/b.slice/c.scope/memory.max", "2000000\n");
    put("/sys/fs/cgroup/a.slice/b.slice/c.scope/memory.current", "5\n");
    expect_limits(0.5, "/sys/fs/cgroup/a.slice/b.slice/cpu.max", 1000000,
                  "/sys/fs/cgroup/a.slice/memory.max");
    expect_usage(777, 3, 2e-6); /* of the groups that set the limits */
}

static void test_v2_unlimited(void **state)
{
    (void)state;
    put("/proc/self/mountinfo", v2_mount);
    put("/proc/self/cgroup", "0::/user.slice\n");
    put("/sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/user.slice/memory.max", "max\n");
    put("/sys/fs/cgroup/user.slice/memory.current", "99\n");
    put("/sys/fs/cgroup/user.slice/cpu.stat", "usage_usec 1\n");
    expect_limits(INFINITY, "", UINT64_MAX, "");
    expect_usage(99, 0, 0); /* of the process's own group */
}

static void test_v1(void **state)
{
    (void)state;
    put("/proc/self/mountinfo", v1_mounts);
    put("/proc/self/cgroup", "7:cpuset:/other\n5:cpu,cpuacct:/pod/one\n4:memory:/pod\n1:name="
                             "systemd:/pod\n0::/\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us", "150000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_period_us", "50000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/pod/cpu.stat",
        "nr_periods 9\nnr_throttled 4\nthrottled_time 2500000000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/pod/one/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu,cpuacct/pod/one/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/pod/memory.limit_in_bytes", "20971520\n");
    put("/sys/fs/cgroup/memory/pod/memory.usage_in_bytes", "4096\n");
    expect_limits(3, "/sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us", 20971520,
                  "/sys/fs/cgroup/memory/pod/memory.limit_in_bytes");
    expect_usage(4096, 4, 2.5);
}

/* Docker without namespaces mounts the container's own groups; their paths are of the machine. */
static void test_v1_own_mount(void **state)
{
    (void)state;
    put("/proc/self/mountinfo",
        "33 31 0:30 /docker/0a1b /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n"
        "34 31 0:31 /docker/0a1b /my\\040groups/memory ro - cgroup cgroup rw,memory\n");
    put("/proc/self/cgroup", "5:cpu:/docker/0a1b\n4:memory:/docker/0a1b/inner\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    put("/my groups/memory/memory.limit_in_bytes", "5000\n");
    put("/my groups/memory/inner/memory.limit_in_bytes", "4000\n");
    expect_limits(2, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", 4000,
                  "/my groups/memory/inner/memory.limit_in_bytes");
}

static void test_unseen_group(void **state)
{
    static const char *const groups[] = {"0::/../../other.scope\n", "0::/never/made\n", "0::\n"};
    (void)state;

    put("/proc/self/mountinfo", v2_mount);
    put("/sys/fs/cgroup/cpu.max", "100000 100000\n");
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        put("/proc/self/cgroup", groups[i]);
        expect_limits(1, "/sys/fs/cgroup/cpu.max", UINT64_MAX, "");
    }
}

/* systemd's "hybrid" machines: a version 2 tree without controllers beside version 1. */
static void test_hybrid(void **state)
{
    char mounts[1024];
    (void)state;

    snprintf(mounts, sizeof mounts, "%s%s", v1_mounts,
             "40 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    put("/proc/self/mountinfo", mounts);
    put("/proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/\n0::/s.service\n");
    put("/sys/fs/cgroup/unified/s.service/cgroup.procs", "1\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "70000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "8192\n");
    expect_limits(0.7, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", UINT64_MAX, "");
    expect_usage(8192, 0, 0);
    put("/sys/fs/cgroup/unified/s.service/memory.max", "6000\n"); /* the memory moved over */
    put("/sys/fs/cgroup/unified/s.service/memory.current", "50\n");
    expect_limits(0.7, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", 6000,
                  "/sys/fs/cgroup/unified/s.service/memory.max");
    expect_usage(50, 0, 0);
}

static void test_malformed(void **state)
{
    static const char *const cpu[] = {
        "",           "\n",          "x 100000\n",   "100000\n",         "100000 0\n",
        "0 100000\n", "-5 100000\n", "1e5 100000\n", "100000x 100000\n", "100000 max\n"};
    static const char *const memory[] = {"", "\n", "-1\n", "12MiB\n", "99999999999999999999999\n"};
    static const char *const mounts[] = {"",
                                         "\n",
                                         " - ",
                                         "1 2 3 - cgroup2 cgroup2 rw\n",
                                         "1 2 0:3 / / rw\n",
                                         "1 2 0:3 / / rw - cgroup2\n"};
    static const char *const groups[] = {"", "\n", "0\n", "0:\n", "::::\n", "x:y:z\n"};
    (void)state;

    expect_limits(INFINITY, "", UINT64_MAX, ""); /* nothing there at all */
    expect_usage(0, 0, 0);
    put("/proc/self/mountinfo", v2_mount);
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/cpu.stat", "nr_throttled many\n");
    put("/sys/fs/cgroup/memory.current", "few\n");
    for (size_t i = 0; i < sizeof cpu / sizeof *cpu; i++) {
        put("/sys/fs/cgroup/cpu.max", cpu[i]);
        expect_limits(INFINITY, "", UINT64_MAX, "");
    }
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) {
        put("/sys/fs/cgroup/memory.max", memory[i]);
        expect_limits(INFINITY, "", UINT64_MAX, "");
    }
    expect_usage(0, 0, 0);
    put("/sys/fs/cgroup/memory.max", "5\n");
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        put("/proc/self/cgroup", groups[i]);
        expect_limits(INFINITY, "", UINT64_MAX, "");
    }
    put("/proc/self/cgroup", "0::/\n");
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        put("/proc/self/mountinfo", mounts[i]);
        expect_limits(INFINITY, "", UINT64_MAX, "");
    }
}

static void test_cpus(void **state)
{
    (void)state;
    assert_int_equal(px_cgroup_cpus(64, INFINITY), 64);
    assert_int_equal(px_cgroup_cpus(64, 2), 2);
    assert_int_equal(px_cgroup_cpus(64, 2.99), 2);
    assert_int_equal(px_cgroup_cpus(64, 0.05), 1);
    assert_int_equal(px_cgroup_cpus(2, 16), 2);
    assert_int_equal(px_cgroup_cpus(1, 0.5), 1);
}

/* Writes into a file of a real group; false where that is not possible. */
static bool set(const char *controller, const char *file, const char *text)
{
    char path[PX_PATH_MAX];

    snprintf(path, sizeof path, "/sys/fs/cgroup/%s/px-test-%d/%s", controller, (int)getppid(),
             file);
    FILE *out = fopen(path, "re+");
    bool done = out && fputs(text, out) >= 0;
    return out && fclose(out) == 0 && done;
}

static bool make_group(const char *controller)
{
    char path[PX_PATH_MAX];

    snprintf(path, sizeof path, "/sys/fs/cgroup/%s/px-test-%d", controller, (int)getpid());
    return mkdir(path, 0755) == 0;
}

static void remove_group(const char *controller)
{
    char path[PX_PATH_MAX];

    snprintf(path, sizeof path, "/sys/fs/cgroup/%s/px-test-%d", controller, (int)getpid());
    for (int i = 0; i < 100 && rmdir(path) != 0; i++)
        usleep(10000); /* the group is busy for a moment after its last process */
}

/* 0: right, 1: wrong, 2: not able to enter the groups. */
static int read_inside(void)
{
    struct px_cgroup_limits limits;
    char pid[32];

    snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (!set("cpu", "cpu.cfs_period_us", "100000\n") ||
        !set("cpu", "cpu.cfs_quota_us", "150000\n") || !set("cpu", "cgroup.procs", pid) ||
        !set("memory", "memory.limit_in_bytes", "104857600\n") ||
        !set("memory", "cgroup.procs", pid))
        return 2;
    px_cgroup_read_limits("", &limits);
    if (limits.cpus == 1.5 && strstr(limits.cpus_file, "px-test") && limits.memory == 104857600 &&
        strstr(limits.memory_file, "px-test"))
        return 0;
    print_message("# read %g CPUs (%s), %ju bytes (%s)\n", limits.cpus, limits.cpus_file,
                  (uintmax_t)limits.memory, limits.memory_file);
    return 1;
}

static void test_real(void **state)
{
    bool cpu = make_group("cpu"), memory = make_group("memory");
    int status = 2 << 8;
    pid_t child = cpu && memory ? fork() : -1;
    (void)state;

    if (child == 0)
        _exit(read_inside());
    if (child > 0)
        waitpid(child, &status, 0);
    if (cpu)
        remove_group("cpu");
    if (memory)
        remove_group("memory");
    if (status == 2 << 8) {
        tap_skip(" # SKIP no writable groups of version 1 here");
        return;
    }
    assert_int_equal(status, 0);
}

#define TREE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), make_root, remove_root, NULL                                       \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE("reads a container's limits and usage, version 2", test_v2),
        TREE("takes the smallest limit up the tree, version 2", test_v2_nested),
        TREE("finds no limit where none is set, version 2", test_v2_unlimited),
        TREE("takes the smallest limit up each tree, version 1", test_v1),
        TREE("finds a container's own groups mounted, version 1", test_v1_own_mount),
        TREE("takes what is mounted for its group if its path is not seen", test_unseen_group),
        TREE("reads the limits of both versions at once", test_hybrid),
        TREE("takes malformed and missing files for no limit", test_malformed),
        CHECK("counts whole CPUs of quota and mask, at least one", test_cpus),
        CHECK("reads the limits of a real group that it is put into", test_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
