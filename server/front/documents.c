#include "server/front/documents.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <microhttpd.h>
#include <oneapi/dnnl/dnnl.h>
#include <zlib.h>

#include "base/log.h"
#include "server/message/json_text.h"
#include "server/metrics/prometheus.h"
#include "server/work/memory.h"

/* About what /metrics takes with five models, so that it seldom has to be moved while it grows. */
enum { METRICS_ROOM = 63 << 10 };

static void write_queue(struct px_buffer *text, struct px_queue *queue)
{
    const struct px_queue_state state = px_queue_state(queue);
    const struct {
        const char *name;
        size_t count;
    } stages[] = {
        {"decode", state.preparing}, {"infer", state.inferring}, {"encode", state.finishing}};

    px_prometheus_gauge(text, "pix2pixd_queue_depth",
                        "Requests admitted that no worker has taken yet.", (double)state.waiting);
    px_prometheus_gauge(text, "pix2pixd_queue_oldest_seconds",
                        "How long the next request has waited.", state.oldest_seconds);
    px_prometheus_gauge(text, "pix2pixd_queue_seconds_per_request",
                        "Rate at which the queue is worked off; 0 before it is known.",
                        state.seconds_per_job);
    px_prometheus_gauge(text, "pix2pixd_answer_bytes",
                        "Answers that wait for their clients; part of the memory of pictures.",
                        (double)state.answer_bytes);
    px_prometheus_gauge(text, "pix2pixd_workers_idle", "Workers that wait for requests.",
                        (double)state.idle);
    px_prometheus_head(text, "pix2pixd_inflight", "gauge", "Requests in a stage.");
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        px_prometheus_sample(text, "pix2pixd_inflight", &(struct px_label){"stage", stages[i].name},
                             1, (double)stages[i].count);
}

static bool is_ready(const struct px_registry_entry *entry)
{
    return px_model_progress_phase(entry->progress) == PX_MODEL_READY;
}

static void write_models(struct px_buffer *text, const struct px_registry *registry)
{
    px_prometheus_head(text, "pix2pixd_model_ready", "gauge",
                       "1 once the model is loaded; requests wait until then.");
    for (size_t i = 0; i < px_registry_count(registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(registry, i);
        px_prometheus_sample(text, "pix2pixd_model_ready", &(struct px_label){"name", entry->name},
                             1, is_ready(entry) ? 1 : 0);
    }
    px_prometheus_head(text, "pix2pixd_model_info", "gauge", "The models that are loaded.");
    for (size_t i = 0; i < px_registry_count(registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(registry, i);
        if (!is_ready(entry))
            continue;
        const struct px_label labels[] = {
            {"name", entry->name},
            {"architecture", px_model_network(entry->model)->architecture},
            {"dtype", px_dtype_name(px_model_dtype(entry->model))},
            {"sha256", px_model_progress_hash(entry->progress)}};
        px_prometheus_sample(text, "pix2pixd_model_info", labels, 4, 1);
    }
    px_prometheus_head(text, "pix2pixd_model_load_seconds", "gauge", "Time that loading took.");
    for (size_t i = 0; i < px_registry_count(registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(registry, i);
        if (is_ready(entry))
            px_prometheus_sample(text, "pix2pixd_model_load_seconds",
                                 &(struct px_label){"name", entry->name}, 1,
                                 px_model_progress_seconds(entry->progress));
    }
}

/* NULL if its file is loaded, or may be. */
static const char *error_of(const struct px_registry_entry *entry)
{
    const struct px_error *why = px_model_progress_error(entry->progress);

    return why ? why->message : entry->last_error;
}

/* Why is in /models and in the log. */
static void write_model_errors(struct px_buffer *text, const struct px_registry *registry)
{
    static const char name[] = "pix2pixd_model_load_failed";

    px_prometheus_head(text, name, "gauge",
                       "1 if the model's file could not be loaded when it was last tried.");
    for (size_t i = 0; i < px_registry_count(registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(registry, i);
        px_prometheus_sample(text, name, &(struct px_label){"name", entry->name}, 1,
                             error_of(entry) ? 1 : 0);
    }
    for (size_t i = 0; i < px_registry_failure_count(registry); i++)
        px_prometheus_sample(text, name,
                             &(struct px_label){"name", px_registry_failure_at(registry, i)->name},
                             1, 1);
}

static void write_model_counts(struct px_buffer *text, const struct px_registry *registry)
{
    static const char requests[] = "pix2pixd_model_requests_total";

    px_prometheus_head(text, requests, "counter",
                       "Translations that got as far as a model, by model and outcome.");
    for (size_t i = 0; i < px_registry_count(registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(registry, i);
        const struct px_label ok[] = {{"model", entry->name}, {"outcome", "answered"}};
        const struct px_label bad[] = {{"model", entry->name}, {"outcome", "failed"}};
        px_prometheus_sample(text, requests, ok, 2, (double)atomic_load(&entry->counts->answered));
        px_prometheus_sample(text, requests, bad, 2, (double)atomic_load(&entry->counts->failed));
    }
    px_prometheus_head(text, "pix2pixd_model_infer_seconds_total", "counter",
                       "Time of a model's batches, counted for each picture in them.");
    for (size_t i = 0; i < px_registry_count(registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(registry, i);
        px_prometheus_sample(text, "pix2pixd_model_infer_seconds_total",
                             &(struct px_label){"model", entry->name}, 1,
                             (double)atomic_load(&entry->counts->infer_ns) * 1e-9);
    }
}

static void write_reloads(struct px_buffer *text, struct px_reloader *reloader)
{
    const struct px_reload_state state = px_reloader_state(reloader);
    const struct {
        const char *result;
        double count;
    } results[] = {{"changed", (double)state.done},
                   {"unchanged", (double)state.unchanged},
                   {"failed", (double)state.failed}};

    px_prometheus_head(text, "pix2pixd_model_reloads_total", "counter",
                       "Times that the models were read anew; failed: one could not be loaded.");
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        px_prometheus_sample(text, "pix2pixd_model_reloads_total",
                             &(struct px_label){"result", results[i].result}, 1, results[i].count);
    px_prometheus_gauge(text, "pix2pixd_model_reload_failed",
                        "1 if the last reload failed, so that an old model may be served.",
                        state.bad ? 1 : 0);
}

static void write_limits(struct px_buffer *text, const struct px_server *server)
{
    const struct px_server_settings *settings = server->settings;
    struct px_cgroup_limits limits;
    struct px_cgroup_usage usage;

    px_cgroup_read(server->cgroup, &limits, &usage);
    px_prometheus_gauge(text, "pix2pixd_workers", "Workers: teams, and workers of one thread.",
                        px_cpu_split_workers(&server->share));
    px_prometheus_gauge(text, "pix2pixd_workers_stuck", "Workers that do not get on.",
                        atomic_load(&server->stuck_workers));
    px_prometheus_gauge(text, "pix2pixd_worker_heartbeat_age_seconds",
                        "Since the last sign of life of the busy worker silent for longest.",
                        (double)atomic_load(&server->heartbeat_age_ns) * 1e-9);
    px_prometheus_gauge(text, "pix2pixd_threads_per_worker",
                        "Threads of each worker, or of each team.", server->share.threads);
    px_prometheus_gauge(text, "pix2pixd_cpus", "CPUs divided among the threads.",
                        server->share.cpus);
    px_prometheus_gauge(text, "pix2pixd_queue_limit", "Requests that may wait.",
                        (double)settings->queue);
    px_prometheus_gauge(text, "pix2pixd_connections_limit", "Connections that may be open.",
                        (double)server->max_connections);
    px_prometheus_gauge(text, "pix2pixd_cgroup_memory_limit_bytes",
                        "Memory that the control group allows; +Inf: any.",
                        limits.memory == UINT64_MAX ? INFINITY : (double)limits.memory);
    px_prometheus_gauge(text, "pix2pixd_cgroup_memory_bytes", "Memory of the control group.",
                        (double)usage.memory);
    px_prometheus_gauge(text, "pix2pixd_cgroup_cpus",
                        "CPUs that the control group allows; +Inf: any.", limits.cpus);
    px_prometheus_counter(text, "pix2pixd_cgroup_throttled_periods_total",
                          "Periods in which the control group used up its CPU time.",
                          (double)usage.throttled_periods);
    px_prometheus_counter(text, "pix2pixd_cgroup_throttled_seconds_total",
                          "How long threads of the control group waited for CPU time.",
                          usage.throttled_seconds);
    px_prometheus_counter(text, "pix2pixd_log_lines_lost_total",
                          "Lines of the log that nothing took.", (double)px_log_lost());
}

static void write_sandbox(struct px_buffer *text, const struct px_sandbox *sandbox)
{
    px_prometheus_head(text, "pix2pixd_sandbox", "gauge", "1 for each part that is on.");
    for (int i = 0; i < PX_SANDBOX_PART_COUNT; i++) {
        const char *name = px_sandbox_part_name((enum px_sandbox_part)i);
        px_prometheus_sample(text, "pix2pixd_sandbox", &(struct px_label){"part", name}, 1,
                             sandbox->on[i] ? 1 : 0);
    }
}

static void write_build(struct px_buffer *text)
{
    const dnnl_version_t *dnnl = dnnl_version();
    char dnnl_text[40];

    snprintf(dnnl_text, sizeof dnnl_text, "%d.%d.%d", dnnl->major, dnnl->minor, dnnl->patch);
    const struct px_label labels[] = {
        {"version", PX_VERSION},     {"mhd", MHD_get_version()}, {"jansson", jansson_version_str()},
        {"dnnl", dnnl_text},         {"png", px_png_version()},  {"jpeg", px_jpeg_version()},
        {"isal", px_isal_version()}, {"zlib", zlibVersion()}};
    px_prometheus_head(text, "pix2pixd_build_info", "gauge",
                       "Versions of the daemon and its libraries.");
    px_prometheus_sample(text, "pix2pixd_build_info", labels, sizeof labels / sizeof *labels, 1);
}

static double resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return 0;
    if (fscanf(file, "%*s %lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_files(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");

    if (!dir)
        return 0;
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n - 3; /* ".", ".." and the folder itself */
}

static void write_process(struct px_buffer *text)
{
    struct timespec cpu = {0};
    struct rlimit files = {0};

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    getrlimit(RLIMIT_NOFILE, &files);
    px_prometheus_counter(text, "process_cpu_seconds_total", "CPU time used.",
                          (double)cpu.tv_sec + (double)cpu.tv_nsec * 1e-9);
    px_prometheus_gauge(text, "process_resident_memory_bytes", "Memory in use.", resident_bytes());
    px_prometheus_gauge(text, "process_open_fds", "Open file descriptors.", open_files());
    px_prometheus_gauge(text, "process_max_fds", "Limit of open file descriptors.",
                        (double)files.rlim_cur);
}

void px_document_metrics(struct px_server *server, struct px_reply *reply)
{
    struct px_buffer text = {0};
    const struct px_registry *registry = px_models_take(server->models);
    bool draining = atomic_load(&server->draining);

    px_buffer_reserve(&text, METRICS_ROOM);
    px_metrics_write(server->metrics, &text);
    write_queue(&text, server->queue);
    px_prometheus_gauge(&text, "pix2pixd_ready", "1 while /readyz says ok.", draining ? 0 : 1);
    px_prometheus_gauge(&text, "pix2pixd_draining", "1 once the daemon was told to stop.",
                        draining ? 1 : 0);
    px_prometheus_gauge(&text, "pix2pixd_api_keys_reload_failed",
                        "1 if --api-keys could not be read anew, so that old keys are in force.",
                        atomic_load(&server->stale_keys) ? 1 : 0);
    px_memory_write(server, &text);
    write_models(&text, registry);
    write_model_errors(&text, registry);
    write_model_counts(&text, registry);
    write_reloads(&text, server->reloader);
    write_limits(&text, server);
    write_sandbox(&text, &server->sandbox);
    write_build(&text);
    write_process(&text);
    px_prometheus_gauge(&text, "process_start_time_seconds",
                        "When the daemon started, in Unix time.", server->start_time);
    px_reply_text(reply, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
    reply->document = true;
    px_registry_unref(registry);
}

static void write_model(struct px_buffer *text, const struct px_registry *registry,
                        const struct px_registry_entry *entry)
{
    static const char *const states[] = {
        [PX_MODEL_LOADING] = "loading", [PX_MODEL_READY] = "ready", [PX_MODEL_FAILED] = "failed"};
    const struct px_network *network = px_model_network(entry->model);

    px_buffer_appendf(text, "{\"name\":");
    px_json_append_string(text, entry->name);
    px_buffer_appendf(text, ",\"architecture\":");
    px_json_append_string(text, network->architecture);
    px_buffer_appendf(text,
                      ",\"size\":%d,\"input_nc\":%d,\"output_nc\":%d,\"norm\":\"%s\","
                      "\"dtype\":\"%s\"",
                      network->crop_size, network->input_nc, network->output_nc,
                      px_norm_name(network->norm), px_dtype_name(px_model_dtype(entry->model)));
    if (is_ready(entry))
        px_buffer_appendf(text, ",\"sha256\":\"%s\"", px_model_progress_hash(entry->progress));
    px_buffer_appendf(text, ",\"state\":\"%s\",\"default\":%s",
                      states[px_model_progress_phase(entry->progress)],
                      entry == px_registry_default(registry) ? "true" : "false");
    if (error_of(entry)) {
        px_buffer_append_text(text, ",\"last_error\":");
        px_json_append_string(text, error_of(entry));
    }
    if (strcmp(entry->card, "{}") != 0) /* its members follow those above */
        px_buffer_appendf(text, ",%s", entry->card + 1);
    else
        px_buffer_append_text(text, "}");
}

static void write_failures(struct px_buffer *text, const struct px_registry *registry)
{
    size_t count = px_registry_failure_count(registry);

    if (count > 0)
        px_buffer_append_text(text, ",\"failed\":[");
    for (size_t i = 0; i < count; i++) {
        const struct px_registry_failure *failure = px_registry_failure_at(registry, i);
        px_buffer_append_text(text, i == 0 ? "{\"name\":" : ",{\"name\":");
        px_json_append_string(text, failure->name);
        px_buffer_append_text(text, ",\"last_error\":");
        px_json_append_string(text, failure->last_error);
        px_buffer_append_text(text, "}");
    }
    if (count > 0)
        px_buffer_append_text(text, "]");
}

void px_document_models(struct px_server *server, struct px_reply *reply)
{
    const struct px_registry *registry = px_models_take(server->models);
    struct px_buffer text = {0};

    px_buffer_appendf(&text, "{\"models\":[");
    for (size_t i = 0; i < px_registry_count(registry); i++) {
        px_buffer_append(&text, ",", i == 0 ? 0 : 1);
        write_model(&text, registry, px_registry_at(registry, i));
    }
    px_buffer_append_text(&text, "]");
    write_failures(&text, registry);
    px_buffer_append_text(&text, "}\n");
    px_registry_unref(registry);
    px_reply_text(reply, 200, "application/json", &text);
}

void px_document_info(struct px_server *server, struct px_reply *reply)
{
    struct px_buffer text = {0};

    px_buffer_append_text(&text,
                          "{\"name\":\"pix2pixd\",\"version\":\"" PX_VERSION "\",\"sandbox\":{");
    for (int i = 0; i < PX_SANDBOX_PART_COUNT; i++)
        px_buffer_appendf(&text, "%s\"%s\":%s", i > 0 ? "," : "",
                          px_sandbox_part_name((enum px_sandbox_part)i),
                          server->sandbox.on[i] ? "true" : "false");
    px_buffer_append_text(&text, "}}\n");
    px_reply_text(reply, 200, "application/json", &text);
}
