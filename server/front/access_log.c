#include "server/front/access_log.h"

#include <assert.h>

#include "base/log.h"

enum { FIELDS_MAX = 16 };

struct fields {
    struct px_log_field items[FIELDS_MAX];
    size_t count;
};

static void add(struct fields *fields, const struct px_log_field field)
{
    assert(fields->count < FIELDS_MAX);
    fields->items[fields->count++] = field;
}

static void add_text(struct fields *fields, const char *name, const char *text)
{
    if (text[0] != '\0')
        add(fields, (struct px_log_field){.name = name, .text = text});
}

static void add_number(struct fields *fields, const char *name, double number, int decimals)
{
    add(fields, (struct px_log_field){.name = name, .number = number, .decimals = decimals});
}

void px_access_log(const struct px_access *access)
{
    const struct px_job *job = access->job;
    const char *route = access->route->path;
    enum px_route id = access->route->id;
    bool quiet = id == PX_ROUTE_HEALTHZ || id == PX_ROUTE_READYZ || id == PX_ROUTE_METRICS;
    struct fields fields = {.count = 0};

    add_text(&fields, "id", job->id);
    add_text(&fields, "client", access->address->client);
    add_text(&fields, "proxy", access->address->proxy);
    add_text(&fields, "key", access->key);
    add_text(&fields, "method", access->method);
    add_text(&fields, "path", access->path);
    add_text(&fields, "route", route[0] != '\0' ? route : "other");
    add_text(&fields, "model", job->model ? job->model->name : "");
    add_number(&fields, "status", access->status, 0);
    add_number(&fields, "bytes", (double)access->bytes, 0);
    add_number(&fields, "ms", access->ms, 1);
    if (access->submitted) {
        add_number(&fields, "queue_ms", job->queue_ms, 1);
        add_number(&fields, "decode_ms", job->read_decode_ms, 1);
        add_number(&fields, "infer_ms", job->infer_ms, 1);
        add_number(&fields, "encode_ms", job->encode_ms, 1);
    }
    px_log_fields(quiet ? PX_LOG_DEBUG : PX_LOG_INFO, "request", fields.items, fields.count);
}
