#ifndef SERVER_WORK_PACE_H
#define SERVER_WORK_PACE_H

/* Whether a team is still the quickest to answer a lone request. Beside another process that keeps
 * one of its CPUs busy it is not: every layer waits for the thread that has no CPU, while a worker
 * of one thread moves to the other. What decides is how long pictures of one kind took lately.
 *
 * Plain data, zeroed at first; the caller locks. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct px_pace {
    int64_t team_ns, single_ns; /* of a picture, moving averages; 0: not known yet */
    int64_t least_ns;           /* that a team took */
    int64_t pause_ns, next_ns;  /* how long a slow team is not tried, and until when */
    bool team_ran, single_ran;  /* the first run makes plans, and does not count */
    int lone_runs;              /* of the team, since one thread's time was measured */
};

/* A batch took so long for each picture. */
void px_pace_record_team(struct px_pace *pace, int threads, int64_t ns, int64_t now_ns);
void px_pace_record_single(struct px_pace *pace, int64_t ns);

/* False while pictures take a team of `threads` longer than they would one thread. Then the team
 * is tried again after a second, and after twice as long each time, up to half a minute. Also false
 * for a run or two when it is time to measure what one thread takes: after four runs of the team if
 * that is not known, and after 64 if the team has been a quarter slower than it can be. */
bool px_pace_prefers_team(const struct px_pace *pace, int threads, int64_t now_ns);

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
