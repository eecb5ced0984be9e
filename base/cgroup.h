#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H

/* What control groups allow this process: containers and services are limited by them, not by the
 * affinity mask. Version 2 (cpu.max, memory.max), version 1 (cpu.cfs_quota_us,
 * memory.limit_in_bytes) and both at once. Each limit is the smallest of the process's own group
 * and of all groups around it that can be seen, as a container often sees only its own.
 *
 * `root` is put before every path that is read: "" for this machine, a folder for a copy of its
 * /proc and /sys. Files that are missing, unreadable or malformed limit nothing, so that there are
 * no errors but no memory. Any thread; each reading takes about ten small files. */

#include <stdint.h>

#include "base/error.h"

struct px_cgroup_limits {
    double cpus;     /* time per time: 0.5 is half of one CPU; INFINITY if unlimited */
    uint64_t memory; /* bytes; UINT64_MAX if unlimited */
    char cpus_file[256], memory_file[256]; /* which file says so, for the log; "" if unlimited */
};

/* Of the group that sets the limit; of the process's own group if there is no limit. */
struct px_cgroup_usage {
    uint64_t memory;            /* bytes in use, page cache included; 0 if unknown */
    uint64_t throttled_periods; /* in which the group used up its CPU time, since it exists */
    double throttled_seconds;   /* how long its threads had to wait for the next period, summed */
};

void px_cgroup_read_limits(const char *root, struct px_cgroup_limits *limits);

/* The groups of this process, found once, for whoever reads their figures often: the kernel writes
 * a list of all mounts for each search. It does not notice if the process is moved to another
 * group. `root` must outlive it. NOMEM. */
struct px_cgroup;
int px_cgroup_create(struct px_cgroup **out, const char *root, struct px_error *err);
void px_cgroup_destroy(struct px_cgroup *group); /* accepts NULL */
void px_cgroup_read(const struct px_cgroup *group, struct px_cgroup_limits *limits,
                    struct px_cgroup_usage *usage);

/* Bytes that this process may take: those of the machine, or of its control group if that is less;
 * UINT64_MAX if neither is known. */
uint64_t px_cgroup_memory(void);

/* CPUs to use: those of the affinity mask (at least 1), but no more than `cpus` of the limits
 * allows, rounded down. At least 1. */
int px_cgroup_cpus(int affinity, double cpus);

#endif
