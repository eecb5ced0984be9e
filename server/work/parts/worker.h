#ifndef SERVER_WORK_PARTS_WORKER_H
#define SERVER_WORK_PARTS_WORKER_H

/* A worker's thread: its engine, and the batches that it takes from the queue. */

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "model/engine/engine.h"
#include "server/work/heartbeat.h"
#include "server/work/queue.h"
#include "server/work/server.h"

struct px_worker {
    /* The crew's. */
    struct px_server *server;
    int index;
    bool single;    /* of an elastic group, behind all teams; else it has share.threads */
    sem_t *started; /* posted once the worker is warm, or has failed */
    pthread_t thread;

    /* The thread's; rc and err may be read once `started` was posted. */
    struct px_heartbeat heartbeat; /* any thread */
    struct px_seat seat;
    struct px_engine *engine;
    const struct px_registry *registry; /* that it has plans for; a reference */
    size_t plans;                       /* bytes, as added to the server's */
    int rc;                             /* of starting */
    struct px_error err;
};

/* The thread, with the px_worker; ends when the queue is closed and drained, or starting failed. */
void *px_worker_run(void *worker);

/* Its group, or its index where there are none. */
int px_worker_group(const struct px_worker *worker);

#endif
