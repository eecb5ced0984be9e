#include "model/dnn/cpu.h"

#include <assert.h>
#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <immintrin.h>
#include <oneapi/dnnl/dnnl.h>

#include "base/cgroup.h"

bool px_cpu_is_fast_in_bf16(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    unsigned amx = dnnl_cpu_isa_avx512_core_amx, avx512 = dnnl_cpu_isa_avx512_core_bf16;

    return (isa & amx) == amx || (__builtin_cpu_is("amd") && (isa & avx512) == avx512);
}

bool px_cpu_has_int8(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    unsigned vnni = dnnl_cpu_isa_avx2_vnni, avx512 = dnnl_cpu_isa_avx512_core_vnni;

    return (isa & vnni) == vnni || (isa & avx512) == avx512; /* as have all with AMX */
}

bool px_cpu_has_wide_registers(void)
{
    return __builtin_cpu_supports("avx512f") != 0;
}

void px_cpus_read(const char *root, struct px_cpus *cpus)
{
    struct px_cgroup_limits limits;
    cpu_set_t mask;
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    px_cgroup_read_limits(root, &limits);
    cpus->machine = online > 0 ? (int)online : 1;
    cpus->mask = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : cpus->machine;
    cpus->quota = limits.cpus;
    snprintf(cpus->quota_file, sizeof cpus->quota_file, "%s", limits.cpus_file);
    cpus->usable = px_cgroup_cpus(cpus->mask, limits.cpus);
    assert(cpus->usable >= 1 && cpus->usable <= cpus->mask);
}

int px_cpu_count(void)
{
    struct px_cpus cpus;

    px_cpus_read("", &cpus);
    return cpus.usable;
}

/* The CPU with the given index among those of the mask, counted around. */
static cpu_set_t nth_cpu(const cpu_set_t *mask, int index)
{
    int left = index % CPU_COUNT(mask);
    cpu_set_t one;

    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, mask) && left-- == 0) {
            CPU_SET(cpu, &one);
            break;
        }
    return one;
}

/* Denormals cost a hundred cycles each and carry nothing here. */
static void flush_denormals(void)
{
    _mm_setcsr(_mm_getcsr() | 0x8040u);
}

int px_cpu_team_start(struct px_cpu_team *team, int threads, int first_cpu, struct px_error *err)
{
    int failed = 0, started = 0;

    assert(threads >= 1 && !omp_in_parallel());
    team->threads = threads;
    team->pinned = first_cpu >= 0;
    if (sched_getaffinity(0, sizeof team->before, &team->before) != 0)
        return px_fail(err, PX_E_INTERNAL, "cannot read the CPU affinity: %s", strerror(errno));
#pragma omp parallel num_threads(threads) reduction(| : failed) reduction(+ : started)
    {
        flush_denormals();
        started++;
        if (first_cpu >= 0) {
            cpu_set_t one = nth_cpu(&team->before, first_cpu + omp_get_thread_num());

            if (sched_setaffinity(0, sizeof one, &one) != 0)
                failed |= errno;
        }
    }
    if (started != threads) /* oneDNN's primitives would wait for the missing ones */
        return px_fail(err, PX_E_USAGE,
                       "%d threads were requested, OpenMP started %d: unset OMP_THREAD_LIMIT or "
                       "request fewer threads",
                       threads, started);
    if (failed)
        return px_fail(err, PX_E_INTERNAL, "cannot pin the engine's threads (do not pin them): %s",
                       strerror(failed));
    return 0;
}

void px_cpu_team_stop(const struct px_cpu_team *team)
{
    if (!team->pinned)
        return;
#pragma omp parallel num_threads(team->threads)
    sched_setaffinity(0, sizeof team->before, &team->before);
}
