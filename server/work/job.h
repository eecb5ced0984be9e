#ifndef SERVER_WORK_JOB_H
#define SERVER_WORK_JOB_H

/* One picture on its way through the daemon:
 *
 *   HTTP thread   fills in body, type, query fields and Accept header, and submits the job;
 *   codec thread  px_job_read(): body -> fields and sizes;
 *   codec thread  px_job_decode(): body -> pixels at the network's size;
 *   worker        a batch of decoded jobs -> `output`;
 *   codec thread  px_job_encode(): pixels -> `reply`;
 *   HTTP thread   sends the reply.
 *
 * A job has one owner at a time, the thread that works on it or the queue, and the queue hands it
 * on, so that nothing here needs a lock. A stage that fails makes `reply` a problem document.
 * `done` is called exactly once, by the last thread that had the job; afterwards the job belongs to
 * the HTTP side again. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "codecs/image.h"
#include "server/message/dialect.h"
#include "server/models/registry.h"

struct px_server;

/* Where a job is. Jobs that wait belong to the queue, the others to the thread that works on them
 * or, before and after, to the HTTP side. A zeroed job has just arrived. */
enum px_job_stage {
    PX_JOB_ARRIVING,
    PX_JOB_SUBMITTED, /* waits to be read */
    PX_JOB_READING,
    PX_JOB_READ, /* waits to be decoded */
    PX_JOB_DECODING,
    PX_JOB_READY, /* waits for a worker */
    PX_JOB_INFERRING,
    PX_JOB_INFERRED, /* waits to be encoded */
    PX_JOB_ENCODING,
    PX_JOB_DROPPED, /* no longer wanted; waits for a codec thread to say so */
    PX_JOB_DONE,
    PX_JOB_STAGE_COUNT,
};

enum { PX_JOB_ID_SIZE = 65 };

struct px_job {
    /* From the HTTP thread. */
    char id[PX_JOB_ID_SIZE]; /* names the request in answers and in the log */
    struct px_server *server;
    const struct px_dialect *dialect;
    struct px_content_type type;
    struct px_body body;
    struct px_fields fields;
    char accept[256]; /* the Accept headers; longer ones are cut, which only loses preferences */
    void (*done)(struct px_job *job);
    uint64_t client;      /* a key of the client, for its fair share: hashed, with a secret */
    int64_t allowance_ns; /* how long the answer may take from the submission on; 0: any time */

    enum px_job_stage stage;
    enum px_job_stage dropped_from; /* if it is DROPPED: the stage before */
    int64_t deadline_ns;            /* in px_now_ns(), since the submission; 0: none */
    atomic_bool cancelled;          /* set by px_job_cancel() */

    /* Set by reading; the pictures by decoding and inference. */
    struct px_params params;
    const struct px_registry *registry;    /* a reference, in which `model` is */
    const struct px_registry_entry *model; /* NULL until reading found it */
    struct px_fit fit;
    /* Bytes that the job takes at most: until it is encoded, and in addition while it is decoded.
     */
    size_t kept_bytes, decode_bytes;
    uint64_t cost;  /* of the client's share: pixels to decode, compute and encode */
    bool team_only; /* too large for a worker of one thread (queue.h) */
    bool heavy;     /* see picture_room.h, which owns this and the next two */
    bool holds_answer;
    size_t charged;         /* bytes */
    struct px_image input;  /* input_nc channels, the network's height and width */
    struct px_image output; /* output_nc channels, the same size */

    /* When the job began to wait, in px_now_ns(), and how long each stage took. */
    int64_t waiting_since;
    double queue_ms, read_decode_ms, infer_ms, encode_ms;

    struct px_reply reply;
    struct px_job *next; /* while in the queue */
};

/* Changes the stage; asserts that there is a way from the present one. */
void px_job_move(struct px_job *job, enum px_job_stage to);

/* Makes the reply the problem document of `err`. */
void px_job_fail(struct px_job *job, const struct px_error *err);

/* Whether the model is still being loaded, so that the job has to wait for it. */
bool px_job_waits_for_model(const struct px_job *job);

/* Whether two decoded jobs may share a batch: same model, size and norm mode, and
 * the same workers. */
bool px_job_matches(const struct px_job *a, const struct px_job *b);

/* Frees everything the job owns, including the reply. */
void px_job_clear(struct px_job *job);

#endif
