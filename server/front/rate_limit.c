#include "server/front/rate_limit.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 2048, WAYS = 8, COUNT_MOST = 1000000 };

static const int64_t NS = 1000000000;

/* A bucket is kept as the time at which it will be full: a token moves that by `step`. What is full
 * already is as good as no bucket. */
struct bucket {
    uint64_t client;
    int64_t full_ns;
};

struct px_rate_limit {
    struct px_rate rate;
    int64_t step_ns; /* in which a token comes */
    pthread_mutex_t lock;
    struct bucket buckets[SETS][WAYS];
};

int px_rate_parse(const char *text, struct px_rate *rate, struct px_error *err)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"", 1}, {"/s", 1}, {"/min", 60}, {"/h", 3600}};
    char *unit;

    *rate = (struct px_rate){0};
    if (!text)
        return 0;
    long count = strtol(text, &unit, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].name) == 0)
            rate->seconds = units[i].seconds;
    if (text[0] < '0' || text[0] > '9' || count < 1 || count > COUNT_MOST || rate->seconds == 0)
        return px_fail(err, PX_E_USAGE,
                       "--rate-limit '%.40s' is not a rate; give N/s, N/min or N/h with N from 1 "
                       "to 1000000",
                       text);
    rate->count = count;
    return 0;
}

int px_rate_limit_create(struct px_rate_limit **out, const struct px_rate *rate,
                         struct px_error *err)
{
    struct px_rate_limit *limit = calloc(1, sizeof *limit);

    assert(rate->count > 0 && rate->seconds > 0);
    if (!limit)
        return px_fail(err, PX_E_NOMEM, "no memory for --rate-limit");
    limit->rate = *rate;
    limit->step_ns = rate->seconds * NS / rate->count;
    pthread_mutex_init(&limit->lock, NULL);
    *out = limit;
    return 0;
}

void px_rate_limit_destroy(struct px_rate_limit *limit)
{
    if (!limit)
        return;
    pthread_mutex_destroy(&limit->lock);
    free(limit);
}

/* The client's bucket; for a new client the one of its set that is full soonest, emptied of the
 * client before. */
static struct bucket *find(struct px_rate_limit *limit, uint64_t client)
{
    struct bucket *set = limit->buckets[client % SETS], *fullest = set;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].client == client)
            return &set[i];
        if (set[i].full_ns < fullest->full_ns)
            fullest = &set[i];
    }
    *fullest = (struct bucket){.client = client};
    return fullest;
}

static int64_t round_up(int64_t ns)
{
    return (ns + NS - 1) / NS;
}

struct px_rate_state px_rate_limit_take(struct px_rate_limit *limit, uint64_t client,
                                        int64_t now_ns)
{
    const int64_t most_ns = limit->step_ns * limit->rate.count;

    pthread_mutex_lock(&limit->lock);
    struct bucket *bucket = find(limit, client);
    int64_t missing_ns = bucket->full_ns > now_ns ? bucket->full_ns - now_ns : 0;
    bool allowed = missing_ns + limit->step_ns <= most_ns;
    if (allowed)
        missing_ns += limit->step_ns;
    bucket->full_ns = now_ns + missing_ns;
    pthread_mutex_unlock(&limit->lock);
    int64_t remaining = (most_ns - missing_ns) / limit->step_ns;
    return (struct px_rate_state){
        .allowed = allowed,
        .limit = limit->rate.count,
        .remaining = remaining,
        .reset = round_up(missing_ns),
        .retry = remaining > 0 ? 0 : (int)round_up(missing_ns + limit->step_ns - most_ns)};
}
