#include "server/work/pace.h"

#include "base/random.h"

static const int64_t LEAST_PAUSE = 1000000000, MOST_PAUSE = (int64_t)32 * 1000000000;

/* Good news counts more: a single slow run may be anything, a quick one can only be the truth. */
static int64_t average(int64_t before, int64_t ns)
{
    return before == 0 ? ns : ns < before ? (before + ns) / 2 : before + (ns - before) / 4;
}

/* One thread takes at most as many times as long as the team's best as that has threads. */
static bool is_slow(const struct px_pace *pace, int threads)
{
    int64_t single = pace->single_ns ? pace->single_ns : threads * pace->least_ns;

    return pace->team_ns > single;
}

static bool must_measure_single(const struct px_pace *pace)
{
    if (pace->single_ns == 0)
        return pace->lone_runs >= 4;
    return pace->lone_runs >= 64 && pace->team_ns > pace->least_ns + pace->least_ns / 4;
}

void px_pace_record_team(struct px_pace *pace, int threads, int64_t ns, int64_t now_ns)
{
    if (!pace->team_ran) {
        pace->team_ran = true;
        return;
    }
    pace->lone_runs += pace->lone_runs < 64;
    pace->team_ns = average(pace->team_ns, ns);
    pace->least_ns = pace->least_ns == 0 || ns < pace->least_ns ? ns : pace->least_ns;
    if (!is_slow(pace, threads)) {
        pace->pause_ns = 0;
        return;
    }
    pace->pause_ns = pace->pause_ns == 0               ? LEAST_PAUSE
                     : pace->pause_ns < MOST_PAUSE / 2 ? 2 * pace->pause_ns
                                                       : MOST_PAUSE;
    pace->next_ns = now_ns + pace->pause_ns;
}

void px_pace_record_single(struct px_pace *pace, int64_t ns)
{
    if (pace->single_ran) {
        pace->single_ns = average(pace->single_ns, ns);
        pace->lone_runs = 0;
    }
    pace->single_ran = true;
}

bool px_pace_prefers_team(const struct px_pace *pace, int threads, int64_t now_ns)
{
    return is_slow(pace, threads) ? now_ns >= pace->next_ns : !must_measure_single(pace);
}

struct px_pace *px_pace_find(struct px_pace_table *table, const struct px_pace_kind *kind)
{
    uint64_t sizes = (uint64_t)kind->height << 32 | kind->width;
    size_t at = px_mix64((uint64_t)(uintptr_t)kind->model ^ px_mix64(sizes)) % PX_PACES;
    struct px_pace_kind *has = &table->kinds[at];

    if (has->model != kind->model || has->height != kind->height || has->width != kind->width) {
        *has = *kind;
        table->paces[at] = (struct px_pace){0};
    }
    return &table->paces[at];
}
