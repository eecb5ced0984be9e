#include "server/metrics/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/metrics/prometheus.h"

enum { MAX_BUCKETS = 14 };

/* An upper bound and how it is written: formatting numbers was most of the work of a scrape. */
struct bound {
    double value;
    const char *text;
};

#define BOUND(value)                                                                               \
    {                                                                                              \
        value, #value                                                                              \
    }

/* Ascending; the list ends where the text is NULL. */
static const struct bound second_bounds[MAX_BUCKETS] = {
    BOUND(0.001), BOUND(0.0025), BOUND(0.005), BOUND(0.01), BOUND(0.025), BOUND(0.05), BOUND(0.1),
    BOUND(0.25),  BOUND(0.5),    BOUND(1),     BOUND(2.5),  BOUND(5),     BOUND(10),   BOUND(30)};
static const struct bound batch_bounds[MAX_BUCKETS] = {BOUND(1),  BOUND(2),  BOUND(4), BOUND(8),
                                                       BOUND(16), BOUND(32), BOUND(64)};
static const struct bound byte_bounds[MAX_BUCKETS] = {
    BOUND(1024),    BOUND(4096),    BOUND(16384),    BOUND(65536),   BOUND(262144),
    BOUND(1048576), BOUND(4194304), BOUND(16777216), BOUND(67108864)};
static const struct bound pixel_bounds[MAX_BUCKETS] = {
    BOUND(16384),   BOUND(65536),    BOUND(262144),  BOUND(1048576),
    BOUND(4194304), BOUND(16777216), BOUND(50000000)};

struct histogram {
    const struct bound *bounds;
    uint64_t counts[MAX_BUCKETS + 1]; /* the last one: above every bound */
    double sum;
};

static const int statuses[] = {200, 204, 304, 400, 401, 403, 404, 405, 413, 414,
                               415, 421, 422, 429, 431, 500, 503, 504, 505, 499};
enum { STATUS_COUNT = sizeof statuses / sizeof statuses[0] }; /* 499: the client went away */

/* Classes of statuses, so that the time of refusals does not hide that of answers. 499 is in 4xx.
 */
enum { CLASS_COUNT = 3 };
static const char *const class_names[CLASS_COUNT] = {"2xx", "4xx", "5xx"};

static int class_of(int status)
{
    return status >= 500 ? 2 : status >= 400 ? 1 : 0;
}

struct px_metrics {
    pthread_mutex_t lock;
    uint64_t requests[PX_ROUTE_COUNT][STATUS_COUNT];
    uint64_t rejected[PX_REASON_COUNT];
    uint64_t dropped[PX_DROP_COUNT][PX_DROPPED_REASON_COUNT];
    uint64_t batches_by[PX_WORKER_KIND_COUNT];
    int64_t connections;
    struct histogram durations[PX_ROUTE_COUNT][CLASS_COUNT];
    struct histogram stages[PX_STAGE_COUNT];
    struct histogram batches, bodies, pixels;
};

static const char *const route_names[PX_ROUTE_COUNT] = {
    "/translate", "/models", "/info", "/healthz", "/readyz", "/metrics", "/", "other"};
static const char *const stage_names[PX_STAGE_COUNT] = {"queue", "decode", "infer", "encode"};
static const char *const worker_names[PX_WORKER_KIND_COUNT] = {"team", "single"};
static const char *const reason_names[PX_REASON_COUNT] = {
    "queue_full", "memory", "stopping", "slow", "connections", "deadline", "rate"};
static const char *const drop_names[PX_DROP_COUNT] = {"read", "decode", "infer", "inferring",
                                                      "encode"};
static const char *const drop_reason_names[PX_DROPPED_REASON_COUNT] = {"deadline", "cancelled",
                                                                       "stopping"};

int px_metrics_create(struct px_metrics **out, struct px_error *err)
{
    struct px_metrics *metrics = calloc(1, sizeof *metrics);

    if (!metrics)
        return px_fail(err, PX_E_NOMEM, "no memory for the metrics");
    pthread_mutex_init(&metrics->lock, NULL);
    for (int i = 0; i < PX_ROUTE_COUNT; i++)
        for (int j = 0; j < CLASS_COUNT; j++)
            metrics->durations[i][j].bounds = second_bounds;
    for (int i = 0; i < PX_STAGE_COUNT; i++)
        metrics->stages[i].bounds = second_bounds;
    metrics->batches.bounds = batch_bounds;
    metrics->bodies.bounds = byte_bounds;
    metrics->pixels.bounds = pixel_bounds;
    *out = metrics;
    return 0;
}

void px_metrics_destroy(struct px_metrics *metrics)
{
    if (!metrics)
        return;
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static int bucket_count(const struct histogram *histogram)
{
    int n = 0;

    while (n < MAX_BUCKETS && histogram->bounds[n].text)
        n++;
    return n;
}

static void observe(struct px_metrics *metrics, struct histogram *histogram, double value)
{
    int n = bucket_count(histogram), i = 0;

    while (i < n && value > histogram->bounds[i].value)
        i++;
    pthread_mutex_lock(&metrics->lock);
    histogram->counts[i]++;
    histogram->sum += value;
    pthread_mutex_unlock(&metrics->lock);
}

void px_metrics_request(struct px_metrics *metrics, enum px_route route, int status, double seconds)
{
    int i = 0;

    while (i < STATUS_COUNT - 1 && statuses[i] != status)
        i++;
    pthread_mutex_lock(&metrics->lock);
    metrics->requests[route][i]++;
    pthread_mutex_unlock(&metrics->lock);
    observe(metrics, &metrics->durations[route][class_of(status)], seconds);
}

void px_metrics_stage(struct px_metrics *metrics, enum px_stage stage, double seconds)
{
    observe(metrics, &metrics->stages[stage], seconds);
}

void px_metrics_batch(struct px_metrics *metrics, enum px_worker_kind worker, double size)
{
    pthread_mutex_lock(&metrics->lock);
    metrics->batches_by[worker]++;
    pthread_mutex_unlock(&metrics->lock);
    observe(metrics, &metrics->batches, size);
}

void px_metrics_body(struct px_metrics *metrics, double bytes)
{
    observe(metrics, &metrics->bodies, bytes);
}

void px_metrics_pixels(struct px_metrics *metrics, double pixels)
{
    observe(metrics, &metrics->pixels, pixels);
}

void px_metrics_rejected(struct px_metrics *metrics, enum px_reason reason)
{
    pthread_mutex_lock(&metrics->lock);
    metrics->rejected[reason]++;
    pthread_mutex_unlock(&metrics->lock);
}

void px_metrics_dropped(struct px_metrics *metrics, enum px_drop stage, enum px_drop_reason reason)
{
    pthread_mutex_lock(&metrics->lock);
    metrics->dropped[stage][reason]++;
    pthread_mutex_unlock(&metrics->lock);
}

void px_metrics_connection(struct px_metrics *metrics, int change)
{
    pthread_mutex_lock(&metrics->lock);
    metrics->connections += change;
    pthread_mutex_unlock(&metrics->lock);
}

/* Of a histogram with at most two labels. */
static void write_histogram(struct px_buffer *text, const char *name, const struct px_label *given,
                            size_t count, const struct histogram *histogram)
{
    struct px_label labels[3];
    char bucket[64], sum[64], number[64];
    int n = bucket_count(histogram);
    uint64_t total = 0;

    assert(count < 3);
    for (size_t i = 0; i < count; i++)
        labels[i] = given[i];
    snprintf(bucket, sizeof bucket, "%s_bucket", name);
    snprintf(sum, sizeof sum, "%s_sum", name);
    snprintf(number, sizeof number, "%s_count", name);
    for (int i = 0; i <= n; i++) {
        total += histogram->counts[i];
        labels[count] = (struct px_label){"le", i < n ? histogram->bounds[i].text : "+Inf"};
        px_prometheus_sample(text, bucket, labels, count + 1, (double)total);
    }
    px_prometheus_sample(text, sum, labels, count, histogram->sum);
    px_prometheus_sample(text, number, labels, count, (double)total);
}

static void write_durations(struct px_buffer *text, const struct px_metrics *metrics)
{
    for (int route = 0; route < PX_ROUTE_COUNT; route++)
        for (int i = 0; i < CLASS_COUNT; i++) {
            const struct px_label labels[] = {{"route", route_names[route]},
                                              {"code", class_names[i]}};
            write_histogram(text, "pix2pixd_request_duration_seconds", labels, 2,
                            &metrics->durations[route][i]);
        }
}

static void write_stages(struct px_buffer *text, const struct px_metrics *metrics)
{
    for (int i = 0; i < PX_STAGE_COUNT; i++)
        write_histogram(text, "pix2pixd_stage_duration_seconds",
                        &(struct px_label){"stage", stage_names[i]}, 1, &metrics->stages[i]);
}

static void write_requests(struct px_buffer *text, const struct px_metrics *metrics)
{
    char code[16];

    px_prometheus_head(
        text, "pix2pixd_http_requests_total", "counter",
        "Requests by route and status; 499: the client went away before the answer.");
    for (int route = 0; route < PX_ROUTE_COUNT; route++)
        for (int i = 0; i < STATUS_COUNT; i++) {
            /* A counter that is not there before its first increase hides that one. Other routes
             * hardly ever answer with errors. */
            if (metrics->requests[route][i] == 0 && route != PX_ROUTE_TRANSLATE &&
                (statuses[i] != 200 || route == PX_ROUTE_OTHER))
                continue;
            snprintf(code, sizeof code, "%d", statuses[i]);
            const struct px_label labels[] = {{"route", route_names[route]}, {"code", code}};
            px_prometheus_sample(text, "pix2pixd_http_requests_total", labels, 2,
                                 (double)metrics->requests[route][i]);
        }
    px_prometheus_head(text, "pix2pixd_rejected_total", "counter",
                       "Requests refused with 503 or 429, and connections closed as too slow.");
    for (int i = 0; i < PX_REASON_COUNT; i++)
        px_prometheus_sample(text, "pix2pixd_rejected_total",
                             &(struct px_label){"reason", reason_names[i]}, 1,
                             (double)metrics->rejected[i]);
    px_prometheus_gauge(text, "pix2pixd_connections", "Open connections.",
                        (double)metrics->connections);
}

static void write_dropped(struct px_buffer *text, const struct px_metrics *metrics)
{
    px_prometheus_head(text, "pix2pixd_dropped_total", "counter",
                       "Translations given up, by the stage they waited for (inferring: were in).");
    for (int i = 0; i < PX_DROP_COUNT; i++)
        for (int j = 0; j < PX_DROPPED_REASON_COUNT; j++) {
            const struct px_label labels[] = {{"stage", drop_names[i]},
                                              {"reason", drop_reason_names[j]}};
            px_prometheus_sample(text, "pix2pixd_dropped_total", labels, 2,
                                 (double)metrics->dropped[i][j]);
        }
}

void px_metrics_write(struct px_metrics *metrics, struct px_buffer *text)
{
    pthread_mutex_lock(&metrics->lock);
    struct px_metrics copy = *metrics; /* a few kilobytes; formatting holds no lock */
    pthread_mutex_unlock(&metrics->lock);

    write_requests(text, &copy);
    write_dropped(text, &copy);
    px_prometheus_head(text, "pix2pixd_request_duration_seconds", "histogram",
                       "Time from the request's header to the end of its answer.");
    write_durations(text, &copy);
    px_prometheus_head(text, "pix2pixd_stage_duration_seconds", "histogram",
                       "Time that a translation spent in a stage.");
    write_stages(text, &copy);
    px_prometheus_head(text, "pix2pixd_batch_size", "histogram", "Requests computed together.");
    write_histogram(text, "pix2pixd_batch_size", NULL, 0, &copy.batches);
    px_prometheus_head(text, "pix2pixd_batches_total", "counter",
                       "Batches, by whether a team of threads or a worker of one thread computed "
                       "them.");
    for (int i = 0; i < PX_WORKER_KIND_COUNT; i++)
        px_prometheus_sample(text, "pix2pixd_batches_total",
                             &(struct px_label){"worker", worker_names[i]}, 1,
                             (double)copy.batches_by[i]);
    px_prometheus_head(text, "pix2pixd_body_bytes", "histogram",
                       "Size of request bodies to /translate.");
    write_histogram(text, "pix2pixd_body_bytes", NULL, 0, &copy.bodies);
    px_prometheus_head(text, "pix2pixd_image_pixels", "histogram",
                       "Width times height of the pictures that came in.");
    write_histogram(text, "pix2pixd_image_pixels", NULL, 0, &copy.pixels);
}
