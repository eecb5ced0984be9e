#include "server/work/memory.h"

#include "base/cgroup.h"
#include "base/log.h"
#include "model/engine/capacity.h"
#include "server/metrics/prometheus.h"

static const double MIB = 1048576.0;
static const uint64_t LEAST = (uint64_t)1 << 20; /* of --memory-limit and --request-memory */

/* Bytes of all models once they are packed; some layers may be packed more than once. */
static uint64_t expected_weights(const struct px_server *server)
{
    const struct px_registry *registry = px_models_take(server->models);
    uint64_t sum = 0;

    for (size_t i = 0; i < px_registry_count(registry); i++)
        sum += px_capacity_weights(px_registry_at(registry, i)->model);
    px_registry_unref(registry);
    return sum;
}

static struct px_capacity room_of(const struct px_server *server)
{
    return (struct px_capacity){server->share.threads, server->memory.plans};
}

static struct px_shape own_size(const struct px_registry_entry *entry)
{
    int side = px_model_network(entry->model)->crop_size;

    return (struct px_shape){.n = 1, .height = side, .width = side};
}

static bool fits_single(const struct px_server *server, struct px_model *model,
                        const struct px_shape *shape)
{
    return px_capacity_needed(model, 1, shape) <= server->memory.single;
}

static bool all_fit_singles(const struct px_server *server)
{
    const struct px_registry *registry = px_models_take(server->models);
    bool fit = true;

    for (size_t i = 0; i < px_registry_count(registry) && fit; i++) {
        const struct px_shape shape = own_size(px_registry_at(registry, i));
        fit = fits_single(server, px_registry_at(registry, i)->model, &shape);
    }
    px_registry_unref(registry);
    return fit;
}

void px_memory_divide(struct px_server *server)
{
    struct px_cpu_split *share = &server->share;
    struct px_memory_needs needs = {.total = px_cgroup_memory(),
                                    .weights = expected_weights(server),
                                    .workers = share->workers,
                                    .singles = share->elastic ? share->threads : 0};

    server->memory = px_memory_split_plan(server->settings, &needs);
    if (!share->elastic || all_fit_singles(server))
        return;
    px_log_info("memory: too little for workers with one thread beside the teams");
    share->elastic = false;
    needs.singles = 0;
    server->memory = px_memory_split_plan(server->settings, &needs);
}

static int check_own_sizes(const struct px_server *server, const struct px_registry *registry,
                           struct px_error *err)
{
    const struct px_server_settings *settings = server->settings;
    const struct px_capacity room = room_of(server);

    for (size_t i = 0; i < px_registry_count(registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(registry, i);
        const struct px_shape shape = own_size(entry);
        size_t needed = px_capacity_needed(entry->model, room.threads, &shape);
        if (needed > room.limit)
            return px_fail(err, PX_E_USAGE,
                           "%s %zu is less than a picture of model %s's own size takes "
                           "(%dx%d: %zu bytes); %s",
                           settings->memory_limit ? "--memory-limit" : "the memory for plans,",
                           room.limit, entry->name, shape.width, shape.height, needed,
                           settings->memory_limit
                               ? "raise it"
                               : "give the daemon more memory, or fewer workers");
    }
    return 0;
}

int px_memory_check(const struct px_server *server, struct px_error *err)
{
    const struct px_server_settings *settings = server->settings;

    if (server->memory.plans < LEAST || server->memory.requests < LEAST)
        return px_fail(err, PX_E_USAGE, "--memory-limit and --request-memory: at least 1MiB, or 0");
    if (server->memory.requests < settings->max_body)
        return px_fail(err, PX_E_USAGE,
                       "--request-memory %llu is less than --max-body %llu: no such body could be "
                       "taken",
                       (unsigned long long)server->memory.requests,
                       (unsigned long long)settings->max_body);
    const struct px_registry *registry = px_models_take(server->models);
    int rc = check_own_sizes(server, registry, err);
    px_registry_unref(registry);
    return rc;
}

int px_memory_check_picture(const struct px_server *server, const struct px_registry_entry *model,
                            const struct px_fit *fit, struct px_error *err)
{
    const struct px_capacity room = room_of(server);
    const struct px_shape shape = {.n = 1, .height = (int)fit->height, .width = (int)fit->width};
    int rc = px_capacity_check(model->model, &room, &shape, err);

    if (rc == 0)
        return 0;
    px_memory_explain(err);
    return -err->code;
}

bool px_memory_is_for_team(const struct px_server *server, const struct px_registry_entry *model,
                           const struct px_fit *fit)
{
    const struct px_shape shape = {.n = 1, .height = (int)fit->height, .width = (int)fit->width};

    return server->share.elastic && !fits_single(server, model->model, &shape);
}

void px_memory_explain(struct px_error *err)
{
    px_error_prefix(err, "the picture is too large to be translated at its own size");
}

static bool is_loading(const struct px_registry_entry *entry)
{
    return px_model_progress_phase(entry->progress) == PX_MODEL_LOADING;
}

/* Bytes packed; `expected`: with those of models that are still to be. */
static size_t weights(const struct px_server *server, bool expected)
{
    const struct px_registry *registry = px_models_take(server->models);
    size_t sum = 0;

    for (size_t i = 0; i < px_registry_count(registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(registry, i);
        sum += expected && is_loading(entry) ? px_capacity_weights(entry->model)
                                             : px_model_memory(entry->model);
    }
    px_registry_unref(registry);
    return sum;
}

void px_memory_announce(const struct px_server *server)
{
    const struct px_registry *registry = px_models_take(server->models);
    double plans = (double)server->memory.plans * server->share.workers;
    double requests = 2 * (double)server->memory.requests;
    const size_t packed = weights(server, true);

    for (size_t i = 0; i < px_registry_count(registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(registry, i);
        const struct px_shape shape = own_size(entry);
        if (is_loading(entry))
            continue;
        px_log_info("memory of model %s: weights %.1f MiB, a picture of %dx%d %.1f MiB",
                    entry->name, (double)px_model_memory(entry->model) / MIB, shape.width,
                    shape.height,
                    (double)px_capacity_needed(entry->model, server->share.threads, &shape) / MIB);
    }
    px_registry_unref(registry);
    px_log_info("memory at most %.0f MiB: weights %.0f, plans of %d %s%s %.0f, bodies and pictures "
                "of requests %.0f",
                ((double)packed + plans + requests) / MIB, (double)packed / MIB,
                server->share.workers, server->share.elastic ? "team" : "worker",
                server->share.workers > 1 ? "s" : "", plans / MIB, requests / MIB);
    double all = (double)(packed + server->memory.program) + plans + requests;
    if (all > (double)server->memory.total)
        px_log_warning("that and %.0f MiB for the program are more than the %.0f MiB that this "
                       "process may take: lower --memory-limit or --request-memory",
                       (double)server->memory.program / MIB, (double)server->memory.total / MIB);
}

static void write_part(struct px_buffer *text, const char *name, const char *part, double bytes)
{
    px_prometheus_sample(text, name, &(struct px_label){"part", part}, 1, bytes);
}

void px_memory_write(const struct px_server *server, struct px_buffer *text)
{
    const struct {
        const char *part;
        double limit;
        size_t used;
    } parts[] = {
        {"plans", (double)server->memory.plans * server->share.workers,
         atomic_load(&server->plans)},
        {"bodies", (double)server->memory.requests, atomic_load(&server->bodies.used)},
        {"pictures", (double)server->memory.requests, px_queue_state(server->queue).picture_bytes},
    };

    px_prometheus_head(text, "pix2pixd_memory_limit_bytes", "gauge", "What may be held, by part.");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        write_part(text, "pix2pixd_memory_limit_bytes", parts[i].part, parts[i].limit);
    px_prometheus_head(text, "pix2pixd_memory_bytes", "gauge", "What is held, by part.");
    write_part(text, "pix2pixd_memory_bytes", "weights", (double)weights(server, false));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        write_part(text, "pix2pixd_memory_bytes", parts[i].part, (double)parts[i].used);
}
