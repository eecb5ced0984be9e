#include "server/work/pace.h"

#include <assert.h>

#include "base/random.h"

/* A try that takes twice as long as the winner costs one run, which is 2 % of 50. */
enum { RUNS_PER_LOSS = 50, LEAST_REST = 8, MOST_REST = 400, FIRST_TRY = 4 };

static int64_t mean_of_quickest(const struct px_pace_times *times)
{
    int64_t sorted[PX_PACE_LAST], sum = 0;
    int n = times->runs < PX_PACE_LAST ? (int)times->runs : PX_PACE_LAST, quick = n - n / 4;

    for (int i = 0; i < n; i++) {
        int at = i;
        for (; at > 0 && sorted[at - 1] > times->last[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = times->last[i];
    }
    for (int i = 0; i < quick; i++)
        sum += sorted[i];
    return sum / quick;
}

static void add(struct px_pace_times *times, int64_t ns)
{
    times->last[times->runs++ % PX_PACE_LAST] = ns;
    times->least = times->least == 0 || ns < times->least ? ns : times->least;
    times->mean = mean_of_quickest(times);
}

static struct px_pace_times *winner(struct px_pace *pace)
{
    return &pace->times[!pace->single_wins];
}

static struct px_pace_times *loser(struct px_pace *pace)
{
    return &pace->times[pace->single_wins];
}

/* The other one was tried, or has won. */
static void start_rest(struct px_pace *pace, int64_t now_ns)
{
    int64_t better = winner(pace)->mean, loss = loser(pace)->mean - better;
    int64_t rest = RUNS_PER_LOSS * loss / better;

    assert(better > 0 && loss >= 0);
    pace->runs = 0;
    pace->since_ns = now_ns;
    pace->rest = rest < LEAST_REST ? LEAST_REST : rest < MOST_REST ? rest : MOST_REST;
}

void px_pace_record(struct px_pace *pace, bool team, int64_t ns, int64_t now_ns)
{
    bool tried = team == pace->single_wins;

    if (ns <= 0)
        return;
    if (tried)
        loser(pace)->runs = 0; /* how it was long ago says nothing */
    else
        pace->runs++;
    add(&pace->times[team], ns);
    bool turns =
        loser(pace)->runs > 0 && winner(pace)->runs > 0 && loser(pace)->mean < winner(pace)->mean;
    if (turns)
        pace->single_wins = !pace->single_wins;
    if (turns || (tried && winner(pace)->runs > 0))
        start_rest(pace, now_ns);
}

bool px_pace_prefers_team(const struct px_pace *pace, int64_t now_ns)
{
    const struct px_pace_times *single = &pace->times[false], *team = &pace->times[true];
    int64_t waited = pace->runs + (now_ns - pace->since_ns) / 1000000000;

    if (pace->single_wins)
        return waited >= pace->rest;
    if (single->runs == 0)
        return team->runs < FIRST_TRY;
    return team->mean < single->least ? pace->runs < MOST_REST : waited < pace->rest;
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
