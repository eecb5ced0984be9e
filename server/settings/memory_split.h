#ifndef SERVER_SETTINGS_MEMORY_SPLIT_H
#define SERVER_SETTINGS_MEMORY_SPLIT_H

/* How memory is divided, as far as the options leave it open. A pure function. */

#include <stddef.h>
#include <stdint.h>

#include "server/settings/settings.h"

/* What the division depends on besides the options. */
struct px_memory_needs {
    uint64_t total;   /* bytes that the process may take: of the machine, or of its control group */
    uint64_t weights; /* bytes of all models, packed */
    int workers;
    int singles; /* workers of one thread beside each of them; 0: none */
};

struct px_memory_split {
    uint64_t total;    /* as above */
    uint64_t program;  /* what the program and its libraries take, at a guess */
    uint64_t plans;    /* --memory-limit: of each worker, with the singles beside it */
    uint64_t team;     /* of these: what the worker keeps while its singles have plans */
    uint64_t single;   /* of these: of each single */
    uint64_t requests; /* --request-memory: bodies, and as much again for pictures */
};

/* By default 1 GiB and 512 MiB. If these do not fit nine tenths of the total, with the weights and
 * the program: half of what is left for requests (at least one body of --max-body), the rest for
 * plans (at least 1 MiB). A worker with singles has half of its plans to itself, and they the other
 * half; all of it only when they have none (server/work/batches.c). */
struct px_memory_split px_memory_split_plan(const struct px_server_settings *settings,
                                            const struct px_memory_needs *needs);

#endif
