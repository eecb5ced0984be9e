#include "model/dnn/cpu.h"

#include <errno.h>
#include <omp.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#include <oneapi/dnnl/dnnl.h>

static bool is_of_amd(void)
{
#ifdef __x86_64__
    return __builtin_cpu_is("amd");
#else
    return false;
#endif
}

bool px_cpu_is_fast_in_bf16(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    unsigned amx = dnnl_cpu_isa_avx512_core_amx, avx512 = dnnl_cpu_isa_avx512_core_bf16;

    return (isa & amx) == amx || (is_of_amd() && (isa & avx512) == avx512);
}

bool px_cpu_has_int8(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    unsigned vnni = dnnl_cpu_isa_avx2_vnni, avx512 = dnnl_cpu_isa_avx512_core_vnni;

    return (isa & vnni) == vnni || (isa & avx512) == avx512; /* as have all with AMX */
}

static int cpus_at_start;

/* Before main(): once an engine has pinned the main thread, nothing tells what the mask was. */
__attribute__((constructor)) static void count_cpus(void)
{
    cpu_set_t mask;

    cpus_at_start = sched_getaffinity(0, sizeof mask, &mask) == 0
                        ? CPU_COUNT(&mask)
                        : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int px_cpu_count(void)
{
    return cpus_at_start;
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
#ifdef __SSE2__
    _mm_setcsr(_mm_getcsr() | 0x8040u);
#endif
}

int px_cpu_team_start(struct px_cpu_team *team, int threads, int first_cpu, struct px_error *err)
{
    int failed = 0, started = 0;

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
                       "%d threads were asked for, OpenMP gave %d: unset OMP_THREAD_LIMIT or ask "
                       "for fewer threads",
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
