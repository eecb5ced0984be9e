#ifndef SERVER_WORK_PACE_H
#define SERVER_WORK_PACE_H

/* Whether a team or one thread is quicker to answer a lone request. Beside other processes it may
 * be one thread: every layer waits for the last thread of a team, which may have to wait for a CPU,
 * while a worker of one thread moves to a CPU that is free. The last eight pictures of one kind
 * decide: the winner has the smaller mean, without the slowest quarter.
 *
 * The loser is tried again now and then. One try that is quicker than the winner's mean makes it
 * the winner, so that a team comes back as soon as its CPUs are free. Tries that fail cost about a
 * fiftieth of the time: the slower they were, the more runs come before the next one.
 *
 * Plain data, zeroed at first; the caller locks. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PX_PACE_LAST = 8 };

struct px_pace_times {
    int64_t last[PX_PACE_LAST]; /* ns, in the order of the runs, around the end */
    int64_t runs;               /* how many there were; 0: nothing is known */
    int64_t mean, least;        /* of the quickest of these; of all runs ever */
};

struct px_pace {
    struct px_pace_times times[2]; /* of one thread, of the team */
    bool single_wins;
    int64_t runs, since_ns; /* of the winner since the other one ran, and when that was */
    int64_t rest;           /* that many runs come before the next try */
};

/* The team or one thread took `ns` for a picture that was alone in its batch. */
void px_pace_record(struct px_pace *pace, bool team, int64_t ns, int64_t now_ns);

/* Whether the team should run the next picture. The winner does, which is the team at first, unless
 * it is time to try the other. A second counts as a run, because measurements get old. One thread
 * is first tried after four runs of the team. While the team is quicker than one thread ever was,
 * one thread is tried only every 400 runs, and time does not count. */
bool px_pace_prefers_team(const struct px_pace *pace, int64_t now_ns);

/* One pace for each kind of picture; kinds that fall together in the table start anew. */
enum { PX_PACES = 64 };

struct px_pace_table {
    struct px_pace_kind {
        const void *model;
        size_t height, width;
    } kinds[PX_PACES];
    struct px_pace paces[PX_PACES];
};

struct px_pace *px_pace_find(struct px_pace_table *table, const struct px_pace_kind *kind);

#endif
