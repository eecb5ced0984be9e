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
};

struct px_memory_split {
    uint64_t total;    /* as above */
    uint64_t program;  /* what the program and its libraries take, at a guess */
    uint64_t plans;    /* --memory-limit: of each worker */
    uint64_t requests; /* --request-memory: bodies, and as much again for pictures */
};

/* By default 1 GiB and 512 MiB. If these do not fit nine tenths of the total, with the weights and
 * the program: half of what is left for requests (at least one body of --max-body), the rest for
 * plans (at least 1 MiB). */
struct px_memory_split px_memory_split_plan(const struct px_server_settings *settings,
                                            const struct px_memory_needs *needs);

#endif
