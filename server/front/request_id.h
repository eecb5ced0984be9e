#ifndef SERVER_FRONT_REQUEST_ID_H
#define SERVER_FRONT_REQUEST_ID_H

/* Names of requests: what a client sends as X-Request-Id, or one made here. They appear in the
 * answer, in problem documents and in the log. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/work/job.h"

/* Makes different ids in each process; after initialisation, from any thread. */
struct px_id_source {
    uint64_t key;
    atomic_uint_fast64_t count;
};

void px_id_source_init(struct px_id_source *source);

/* Copies `wanted` if it is 1 to 64 letters, digits, '-' and '_'; else (or for NULL) makes an id. */
void px_request_id_choose(struct px_id_source *source, const char *wanted,
                          char id[static PX_JOB_ID_SIZE]);

#endif
