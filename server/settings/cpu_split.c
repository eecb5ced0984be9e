#include "server/settings/cpu_split.h"

#include <stdio.h>

enum { MAX_CODEC_THREADS = 8 };

/* CPUs per team by default. One team of four answers a lone request in half the time that
 * two teams of two take, and with many clients gives 5 to 9% fewer pictures a second; larger teams
 * only wait for each other at the inner layers (tests/bench/README.md, the daemon). */
enum { TEAM = 4 };

static int choose_workers(int threads, int cpus)
{
    if (threads > 0)
        return cpus > threads ? cpus / threads : 1;
    return cpus >= 2 * TEAM ? cpus / TEAM : 1;
}

static int choose_threads(const struct px_server_settings *settings, int workers, int cpus)
{
    int threads = cpus > workers ? cpus / workers : 1;

    return settings->workers == 0 && workers > 1 && threads > TEAM ? TEAM : threads;
}

static bool is_elastic(const struct px_server_settings *settings, int threads)
{
    return settings->workers == 0 && settings->threads_per_worker == 0 &&
           (threads == 2 || threads == 4);
}

static bool has_own_cpus(const struct px_cpus *cpus)
{
    return cpus->mask < cpus->machine && cpus->usable == cpus->mask;
}

struct px_cpu_split px_cpu_split_plan(const struct px_server_settings *settings,
                                      const struct px_cpus *cpus)
{
    const int count = settings->cpus ? (int)settings->cpus : cpus->usable;
    struct px_cpu_split split = {.cpus = count,
                                 .workers = (int)settings->workers,
                                 .threads = (int)settings->threads_per_worker,
                                 .codecs = (int)settings->codec_threads};

    if (split.workers == 0)
        split.workers = choose_workers(split.threads, count);
    if (split.threads == 0)
        split.threads = choose_threads(settings, split.workers, count);
    split.elastic = is_elastic(settings, split.threads);
    /* Several teams keep out of each other's way on CPUs of their own. A single one is better left
     * to the kernel, which moves it off a CPU that something else uses. */
    split.pin = split.workers > 1 && split.workers * split.threads <= cpus->mask &&
                (settings->pin || has_own_cpus(cpus));
    if (split.codecs == 0)
        split.codecs = 1 + (count < MAX_CODEC_THREADS ? count : MAX_CODEC_THREADS);
    return split;
}

int px_cpu_split_at_once(const struct px_cpu_split *split)
{
    return split->workers * (split->elastic ? split->threads : 1);
}

int px_cpu_split_workers(const struct px_cpu_split *split)
{
    return split->workers + (split->elastic ? px_cpu_split_at_once(split) : 0);
}

void px_cpu_split_describe(const struct px_cpu_split *split, char *text, size_t size)
{
    const char *s = split->workers > 1 ? "s" : "";

    if (split->elastic)
        snprintf(text, size, "%d team%s of %d threads and %d workers with 1 thread", split->workers,
                 s, split->threads, px_cpu_split_at_once(split));
    else
        snprintf(text, size, "%d worker%s with %d thread%s", split->workers, s, split->threads,
                 split->threads > 1 ? "s" : "");
}
