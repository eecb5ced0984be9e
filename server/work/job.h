#ifndef SERVER_WORK_JOB_H
#define SERVER_WORK_JOB_H

/* One picture on its way through the daemon:
 *
 *   HTTP thread   body, type, query fields and Accept header are filled in, submitted;
 *   codec thread  px_job_read(): body -> fields, how large all gets;
 *   codec thread  px_job_decode(): body -> pixels at the network's size;
 *   worker        a batch of prepared jobs -> `output`;
 *   codec thread  px_job_finish(): pixels -> `reply`;
 *   HTTP thread   sends the reply.
 *
 * A job has one owner at a time, the thread that works on it or the queue; handing it on is what
 * the queue is for, so nothing here needs a lock. A stage that fails makes `reply` a problem
 * document. `done` is called exactly once, by the last thread that had the job; afterwards the
 * job belongs to the HTTP side again. */

#include <stdbool.h>
#include <stdint.h>

#include "codecs/image.h"
#include "server/message/body.h"
#include "server/message/reply.h"
#include "server/work/registry.h"

struct px_server;

struct px_job {
    /* From the HTTP thread. */
    struct px_server *server;
    struct px_content_type type;
    struct px_body body;
    struct px_fields fields;
    char accept[256]; /* the Accept headers; longer ones are cut, which only loses preferences */
    void (*done)(struct px_job *job);

    /* Since read and, the pictures, decode and infer. */
    struct px_params params;
    const struct px_registry_entry *model;
    struct px_fit fit;
    /* Bytes, at most: of pixels until the job is finished, and besides while it is decoded. */
    size_t kept_bytes, decode_bytes;
    struct px_image input;  /* input_nc channels, the network's height and width */
    struct px_image output; /* output_nc channels, the same size */

    /* Since when the job waits, and how long each stage took, in milliseconds. */
    int64_t waiting_since;
    double queue_ms, decode_ms, infer_ms, encode_ms;

    struct px_reply reply;
    struct px_job *next; /* while in the queue */
};

/* All return 0 or an error code, with the problem document in job->reply. */
int px_job_read(struct px_job *job);
int px_job_decode(struct px_job *job);
int px_job_finish(struct px_job *job);

/* Makes the reply the problem document of `err`. */
void px_job_fail(struct px_job *job, const struct px_error *err);

/* Whether two prepared jobs may share a batch: same model, size and norm mode. */
bool px_job_matches(const struct px_job *a, const struct px_job *b);

/* Frees everything the job owns, including the reply. */
void px_job_clear(struct px_job *job);

#endif
