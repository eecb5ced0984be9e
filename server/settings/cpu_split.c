#include "server/settings/cpu_split.h"

enum { MAX_CODEC_THREADS = 8 };

/* CPUs of a team where nobody says. One team of four answers a lone request in half the time that
 * two teams of two take, and with many clients gives 5 to 9% fewer pictures a second; larger teams
 * only wait for each other at the inner layers (tests/bench/README.md, the daemon). */
enum { TEAM = 4 };

static int choose_workers(int threads, int cpus)
{
    if (threads > 0)
        return cpus > threads ? cpus / threads : 1;
    return cpus >= 2 * TEAM ? cpus / TEAM : 1;
}

struct px_cpu_split px_cpu_split_plan(const struct px_server_settings *settings, int cpus)
{
    struct px_cpu_split share = {.workers = (int)settings->workers,
                                 .threads = (int)settings->threads_per_worker,
                                 .codecs = (int)settings->codec_threads};

    if (share.workers == 0)
        share.workers = choose_workers(share.threads, cpus);
    if (share.threads == 0)
        share.threads = cpus > share.workers ? cpus / share.workers : 1;
    /* Several teams keep out of each other's way on CPUs of their own. A single one is better left
     * to the kernel, which moves it off a CPU that something else uses. */
    share.pin = share.workers > 1 && share.workers * share.threads <= cpus;
    if (share.codecs == 0)
        share.codecs = cpus < MAX_CODEC_THREADS ? cpus : MAX_CODEC_THREADS;
    return share;
}
