#include "server/front/documents.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <microhttpd.h>
#include <oneapi/dnnl/dnnl.h>

#include "server/message/json_text.h"
#include "server/work/memory.h"

static void gauge(struct px_buffer *text, const char *name, const char *help, double value)
{
    px_buffer_appendf(text, "# HELP %s %s\n# TYPE %s gauge\n%s %.16g\n", name, help, name, name,
                      value);
}

/* A label's value: quotes, backslashes and line ends escaped. */
static void label(struct px_buffer *text, const char *name, const char *value)
{
    px_buffer_appendf(text, "%s=\"", name);
    for (; *value != '\0'; value++)
        if (*value == '\n')
            px_buffer_appendf(text, "\\n");
        else
            px_buffer_appendf(text, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
    px_buffer_appendf(text, "\"");
}

static void write_queue(struct px_buffer *text, struct px_queue *queue)
{
    const struct px_queue_state state = px_queue_state(queue);

    gauge(text, "pix2pixd_queue_depth", "Requests admitted that no worker has taken yet.",
          (double)state.waiting);
    gauge(text, "pix2pixd_queue_oldest_seconds", "How long the next request has waited.",
          state.oldest_seconds);
    gauge(text, "pix2pixd_workers_idle", "Workers that wait for requests.", (double)state.idle);
    px_buffer_appendf(text, "# HELP pix2pixd_inflight Requests in a stage.\n"
                            "# TYPE pix2pixd_inflight gauge\n");
    px_buffer_appendf(text, "pix2pixd_inflight{stage=\"decode\"} %zu\n", state.preparing);
    px_buffer_appendf(text, "pix2pixd_inflight{stage=\"infer\"} %zu\n", state.inferring);
    px_buffer_appendf(text, "pix2pixd_inflight{stage=\"encode\"} %zu\n", state.finishing);
}

static void write_models(struct px_buffer *text, const struct px_registry *registry)
{
    px_buffer_appendf(text, "# HELP pix2pixd_model_info The models served.\n"
                            "# TYPE pix2pixd_model_info gauge\n");
    for (size_t i = 0; i < px_registry_count(registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(registry, i);
        px_buffer_appendf(text, "pix2pixd_model_info{");
        label(text, "name", entry->name);
        px_buffer_appendf(text, ",");
        label(text, "architecture", px_model_network(entry->model)->architecture);
        px_buffer_appendf(text, ",dtype=\"%s\"} 1\n", px_dtype_name(px_model_dtype(entry->model)));
    }
    px_buffer_appendf(text, "# HELP pix2pixd_model_load_seconds Time that loading took.\n"
                            "# TYPE pix2pixd_model_load_seconds gauge\n");
    for (size_t i = 0; i < px_registry_count(registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(registry, i);
        px_buffer_appendf(text, "pix2pixd_model_load_seconds{");
        label(text, "name", entry->name);
        px_buffer_appendf(text, "} %.6f\n", entry->load_seconds);
    }
}

static void write_build(struct px_buffer *text)
{
    const dnnl_version_t *dnnl = dnnl_version();

    px_buffer_appendf(text, "# HELP pix2pixd_build_info Versions of the daemon and its libraries.\n"
                            "# TYPE pix2pixd_build_info gauge\n"
                            "pix2pixd_build_info{version=\"" PX_VERSION "\",");
    label(text, "mhd", MHD_get_version());
    px_buffer_appendf(text, ",");
    label(text, "jansson", jansson_version_str());
    px_buffer_appendf(text, ",dnnl=\"%d.%d.%d\"} 1\n", dnnl->major, dnnl->minor, dnnl->patch);
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
    px_buffer_appendf(text,
                      "# HELP process_cpu_seconds_total CPU time used.\n"
                      "# TYPE process_cpu_seconds_total counter\n"
                      "process_cpu_seconds_total %.3f\n",
                      (double)cpu.tv_sec + (double)cpu.tv_nsec * 1e-9);
    gauge(text, "process_resident_memory_bytes", "Memory in use.", resident_bytes());
    gauge(text, "process_open_fds", "Open file descriptors.", open_files());
    gauge(text, "process_max_fds", "Limit of open file descriptors.", (double)files.rlim_cur);
}

void px_scrape_metrics(struct px_server *server, struct px_reply *reply)
{
    struct px_buffer text = {0};
    bool stopping = atomic_load(&server->stopping);

    px_metrics_write(server->metrics, &text);
    write_queue(&text, server->queue);
    gauge(&text, "pix2pixd_ready", "1 while /readyz says ok.", stopping ? 0 : 1);
    gauge(&text, "pix2pixd_draining", "1 once the daemon was told to stop.", stopping ? 1 : 0);
    px_memory_write(server, &text);
    write_models(&text, server->registry);
    write_build(&text);
    write_process(&text);
    gauge(&text, "process_start_time_seconds", "When the daemon started, in Unix time.",
          server->start_time);
    px_reply_text(reply, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
}

static void write_model(struct px_buffer *text, const struct px_server *server,
                        const struct px_registry_entry *entry)
{
    const struct px_network *network = px_model_network(entry->model);

    px_buffer_appendf(text, "{\"name\":");
    px_json_append_string(text, entry->name);
    px_buffer_appendf(text, ",\"architecture\":");
    px_json_append_string(text, network->architecture);
    px_buffer_appendf(text,
                      ",\"size\":%d,\"input_nc\":%d,\"output_nc\":%d,\"norm\":\"%s\","
                      "\"dtype\":\"%s\",\"default\":%s}",
                      network->crop_size, network->input_nc, network->output_nc,
                      px_norm_name(network->norm), px_dtype_name(px_model_dtype(entry->model)),
                      entry == px_registry_default(server->registry) ? "true" : "false");
}

void px_scrape_models(const struct px_server *server, struct px_reply *reply)
{
    struct px_buffer text = {0};

    px_buffer_appendf(&text, "{\"models\":[");
    for (size_t i = 0; i < px_registry_count(server->registry); i++) {
        px_buffer_append(&text, ",", i == 0 ? 0 : 1);
        write_model(&text, server, px_registry_at(server->registry, i));
    }
    px_buffer_appendf(&text, "]}\n");
    px_reply_text(reply, 200, "application/json", &text);
}
