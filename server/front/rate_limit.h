#ifndef SERVER_FRONT_RATE_LIMIT_H
#define SERVER_FRONT_RATE_LIMIT_H

/* How many pictures a client may send in a time (--rate-limit): a token bucket for each, which is
 * full at first and fills evenly. Clients are known by their keys of px_client_key(), up to a fixed
 * number of them: a new one takes the place of one whose bucket is nearly full again, for which
 * little is lost. Any thread. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* "10" or "10/s", "100/min", "1000/h": that number of pictures per second, minute or hour. */
struct px_rate {
    int64_t count; /* 1 to 1,000,000; 0: no limit */
    int64_t seconds;
};

/* USAGE for text that is not a rate. NULL is no limit. */
int px_rate_parse(const char *text, struct px_rate *rate, struct px_error *err);

struct px_rate_limit;

int px_rate_limit_create(struct px_rate_limit **out, const struct px_rate *rate,
                         struct px_error *err);
void px_rate_limit_destroy(struct px_rate_limit *limit); /* accepts NULL */

/* What a client has after a request, for the fields of draft-ietf-httpapi-ratelimit-headers-06. */
struct px_rate_state {
    bool allowed;
    int64_t limit, remaining; /* pictures */
    int64_t reset;            /* seconds until the bucket is full, rounded up */
    int retry;                /* seconds until there is a token, rounded up; 0: there is one */
};

/* Takes a token, if there is one. `now_ns` of px_now_ns(). */
struct px_rate_state px_rate_limit_take(struct px_rate_limit *limit, uint64_t client,
                                        int64_t now_ns);

#endif
