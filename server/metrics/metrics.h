#ifndef SERVER_METRICS_METRICS_H
#define SERVER_METRICS_METRICS_H

/* What /metrics counts. One lock, held for a few additions; any thread. The set of labels is fixed,
 * so nothing a client sends can make it grow. */

#include "base/buffer.h"
#include "base/error.h"

enum px_route {
    PX_ROUTE_TRANSLATE,
    PX_ROUTE_MODELS,
    PX_ROUTE_INFO,
    PX_ROUTE_HEALTHZ,
    PX_ROUTE_READYZ,
    PX_ROUTE_METRICS,
    PX_ROUTE_PAGE,
    PX_ROUTE_OTHER,
    PX_ROUTE_COUNT,
};

enum px_stage {
    PX_STAGE_QUEUE,  /* waiting, for a codec thread and for a worker */
    PX_STAGE_DECODE, /* body -> pixels at the network's size */
    PX_STAGE_INFER,  /* the batch the request was in */
    PX_STAGE_ENCODE, /* pixels -> bytes */
    PX_STAGE_COUNT,
};

enum px_reason {
    PX_REASON_QUEUE_FULL,
    PX_REASON_MEMORY, /* --request-memory */
    PX_REASON_STOPPING,
    PX_REASON_SLOW,
    PX_REASON_CONNECTIONS, /* ended to make room near --max-connections */
    PX_REASON_DEADLINE,    /* could not have been met */
    PX_REASON_RATE,        /* --rate-limit */
    PX_REASON_COUNT
};

/* Where a translation was when it was dropped: waiting for a stage, or INFERRING. */
enum px_drop {
    PX_DROP_READ,
    PX_DROP_DECODE,
    PX_DROP_INFER,
    PX_DROP_INFERRING,
    PX_DROP_ENCODE,
    PX_DROP_COUNT
};

enum px_drop_reason {
    PX_DROPPED_DEADLINE,
    PX_DROPPED_CANCELLED, /* the client is gone */
    PX_DROPPED_STOPPING,
    PX_DROPPED_REASON_COUNT,
};

/* What computed a batch. */
enum px_worker_kind { PX_WORKER_TEAM, PX_WORKER_SINGLE, PX_WORKER_KIND_COUNT };

struct px_metrics;

int px_metrics_create(struct px_metrics **out, struct px_error *err);
void px_metrics_destroy(struct px_metrics *metrics); /* accepts NULL */

/* A request was answered; status 0: the connection broke before. */
void px_metrics_request(struct px_metrics *metrics, enum px_route route, int status,
                        double seconds);
void px_metrics_stage(struct px_metrics *metrics, enum px_stage stage, double seconds);
void px_metrics_batch(struct px_metrics *metrics, enum px_worker_kind worker, double size);
void px_metrics_body(struct px_metrics *metrics, double bytes);
void px_metrics_pixels(struct px_metrics *metrics, double pixels);
void px_metrics_rejected(struct px_metrics *metrics, enum px_reason reason);
void px_metrics_dropped(struct px_metrics *metrics, enum px_drop stage, enum px_drop_reason reason);
void px_metrics_connection(struct px_metrics *metrics, int change); /* +1 or -1 */

/* Appends all of it in Prometheus' text format 0.0.4. */
void px_metrics_write(struct px_metrics *metrics, struct px_buffer *text);

#endif
