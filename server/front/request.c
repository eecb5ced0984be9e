#include "server/front/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/front/routes.h"
#include "server/work/job.h"

/* So much of a body beyond the limit is read and thrown away, for the sake of clients that look for
 * an answer only when they have sent everything. */
enum { DISCARD_BYTES = 64 << 20 };

struct px_request {
    struct px_job job; /* first: done() gets from the job to the request */
    struct MHD_Connection *connection;
    atomic_int *active;
    const struct px_route_entry *route;
    char method[16], url[160]; /* for the log */
    int64_t start;
    size_t room;      /* of the body's buffer */
    size_t counted;   /* the same, in the budget for bodies, until the answer is settled */
    size_t discarded; /* bytes of a body that is not wanted */
    bool early;
    bool suspended;
    int status; /* sent */
    size_t answer_size;
};

static const char *header(struct px_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* Once the answer is settled: the client may take its time to send the rest, or to take that. */
static void forget_body(struct px_request *request)
{
    px_body_clear(&request->job.body);
    px_budget_give(&request->job.server->bodies, request->counted);
    request->room = request->counted = 0;
}

static void refuse(struct px_request *request, const struct px_error *err)
{
    px_reply_problem(&request->job.reply, err);
    forget_body(request);
}

/* Whether the request is settled and its body no longer of interest. */
static bool settled(const struct px_request *request)
{
    return request->job.reply.status != 0;
}

static void refuse_busy(struct px_request *request, const struct px_error *err)
{
    struct px_server *server = request->job.server;

    px_metrics_rejected(server->metrics,
                        atomic_load(&server->stopping) ? PX_REASON_STOPPING : PX_REASON_QUEUE_FULL);
    refuse(request, err);
}

/* Several Accept headers are one list. */
static enum MHD_Result add_accept(void *closure, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
    struct px_job *job = closure;
    size_t n = strlen(job->accept);

    (void)kind;
    if (strcasecmp(key, "Accept") == 0 && value)
        snprintf(job->accept + n, sizeof job->accept - n, "%s%s", n > 0 ? ", " : "", value);
    return MHD_YES;
}

struct query {
    struct px_fields *fields;
    struct px_error *err;
    int rc;
};

static enum MHD_Result add_argument(void *closure, enum MHD_ValueKind kind, const char *key,
                                    size_t key_size, const char *value, size_t value_size)
{
    struct query *query = closure;

    (void)kind;
    if (strlen(key) != key_size)
        query->rc = px_fail(query->err, PX_E_INVALID, "a query parameter's name has a NUL byte");
    else
        query->rc = px_fields_add(query->fields, key, !value ? "" : value, value_size,
                                  "query parameter", query->err);
    return query->rc == 0 ? MHD_YES : MHD_NO;
}

/* What the header of a POST /translate says about its body. */
static int check_body(struct px_request *request, struct px_error *err)
{
    const struct px_server_settings *settings = request->job.server->settings;
    const char *length = header(request, "Content-Length");
    const char *encoding = header(request, "Content-Encoding");
    unsigned long long size = !length ? 0 : strtoull(length, NULL, 10);

    if (size > settings->max_body) {
        request->early = size - settings->max_body > DISCARD_BYTES;
        return px_fail(err, PX_E_TOO_LARGE,
                       "the body has %llu bytes, the limit is %llu; send a smaller picture", size,
                       (unsigned long long)settings->max_body);
    }
    if (encoding && strcasecmp(encoding, "identity") != 0)
        return px_fail(err, PX_E_UNSUPPORTED,
                       "Content-Encoding '%.40s' is not taken; send the body as it is", encoding);
    return px_content_type_parse(header(request, "Content-Type"), &request->job.type, err);
}

static int check_room(struct px_request *request, struct px_error *err)
{
    struct px_server *server = request->job.server;

    if (atomic_load(&server->stopping))
        return px_fail(err, PX_E_BUSY, "the daemon is stopping; send the request again elsewhere");
    if (px_queue_state(server->queue).waiting >= (size_t)server->settings->queue)
        return px_fail(err, PX_E_BUSY, "too many requests are waiting already; try again later");
    return 0;
}

static void check_translate(struct px_request *request)
{
    struct px_error err = {0};
    struct query query = {&request->job.fields, &err, 0};

    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, add_accept, &request->job);
    if (check_room(request, &err) < 0) {
        refuse_busy(request, &err);
        return;
    }
    query.rc = check_body(request, &err);
    if (query.rc == 0)
        MHD_get_connection_values_n(request->connection, MHD_GET_ARGUMENT_KIND, add_argument,
                                    &query);
    if (query.rc < 0)
        refuse(request, &err);
}

static void job_done(struct px_job *job)
{
    struct px_request *request = (struct px_request *)job;

    MHD_resume_connection(request->connection);
}

/* The target of a request may be a whole URL (RFC 9112, 3.2.2): proxies send that. */
static const char *path_of(const char *target)
{
    if (strncasecmp(target, "http://", 7) != 0)
        return target;
    target = strchr(target + 7, '/');
    return !target ? "/" : target;
}

struct px_request *px_request_create(struct px_server *server, struct MHD_Connection *connection,
                                     const char *url, const char *method, atomic_int *active)
{
    struct px_request *request = calloc(1, sizeof *request);
    struct px_error err = {0};

    if (!request)
        return NULL;
    request->job.server = server;
    request->job.done = job_done;
    request->connection = connection;
    request->active = active;
    request->start = px_now_ns();
    snprintf(request->method, sizeof request->method, "%s", method);
    snprintf(request->url, sizeof request->url, "%s", url);
    atomic_fetch_add(active, 1);

    request->route = px_route_find(path_of(url), method, &request->job.reply, &err);
    if (request->route->id == PX_ROUTE_TRANSLATE && !settled(request))
        check_translate(request);
    const char *expect = header(request, "Expect");
    if (settled(request) && expect && strcasecmp(expect, "100-continue") == 0)
        request->early = true;
    return request;
}

void px_request_refuse(struct px_request *request, const struct px_error *err)
{
    refuse(request, err);
    request->job.reply.close = true;
    request->early = true;
}

bool px_request_refused_early(const struct px_request *request)
{
    return request->early;
}

/* Makes room for `size` more bytes: at once for all that Content-Length announces (the kernel gives
 * memory only as it is written), by doubling for chunked bodies. */
static int grow(struct px_request *request, size_t size, struct px_error *err)
{
    struct px_owned_bytes *body = &request->job.body.whole;
    size_t limit = request->job.server->settings->max_body;
    const char *length = header(request, "Content-Length");
    size_t room = length ? strtoull(length, NULL, 10) : 2 * request->room;

    if (size > limit - body->size)
        return px_fail(err, PX_E_TOO_LARGE,
                       "the body is over the limit of %zu bytes; send a smaller picture", limit);
    if (body->size + size <= request->room)
        return 0;
    if (room > limit)
        room = limit;
    if (room < body->size + size)
        room = body->size + size;
    if (!px_budget_take(&request->job.server->bodies, room - request->room))
        return px_fail(
            err, PX_E_BUSY,
            "the bodies of requests under way are over --request-memory; try again later");
    request->counted += room - request->room;
    uint8_t *data = realloc(body->data, room);
    if (!data)
        return px_fail(err, PX_E_NOMEM, "no memory for the body; try again later");
    body->data = data;
    request->room = room;
    return 0;
}

enum MHD_Result px_request_upload(struct px_request *request, const char *data, size_t size)
{
    struct px_owned_bytes *body = &request->job.body.whole;
    struct px_error err = {0};

    if (!settled(request) && request->route->id == PX_ROUTE_TRANSLATE) {
        if (grow(request, size, &err) == 0) {
            memcpy(body->data + body->size, data, size);
            body->size += size;
            return MHD_YES;
        }
        if (err.code == PX_E_BUSY)
            px_metrics_rejected(request->job.server->metrics, PX_REASON_MEMORY);
        refuse(request, &err);
    }
    request->discarded += size;
    return request->discarded <= DISCARD_BYTES + request->job.server->settings->max_body ? MHD_YES
                                                                                         : MHD_NO;
}

/* The connection is suspended before the job leaves: it may be done before this returns. */
static void submit(struct px_request *request)
{
    struct px_server *server = request->job.server;
    struct px_error err = {0};

    if (px_queue_reserve(server->queue, &err) < 0) {
        refuse_busy(request, &err);
        return;
    }
    px_metrics_body(server->metrics, (double)request->job.body.whole.size);
    request->suspended = true;
    MHD_suspend_connection(request->connection);
    px_queue_submit(server->queue, &request->job);
}

static void add_headers(struct MHD_Response *response, const struct px_reply *reply)
{
    const struct {
        const char *name, *value;
    } headers[] = {
        {"Content-Type", reply->content_type},
        {"Cache-Control", reply->cache ? reply->cache : "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", reply->policy},
        {"Allow", reply->allow},
        {"Connection", reply->close ? "close" : NULL},
    };
    char seconds[16];

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (headers[i].value)
            MHD_add_response_header(response, headers[i].name, headers[i].value);
    if (reply->retry_after > 0) {
        snprintf(seconds, sizeof seconds, "%d", reply->retry_after);
        MHD_add_response_header(response, "Retry-After", seconds);
    }
}

static enum MHD_Result send_reply(struct px_request *request)
{
    struct px_reply *reply = &request->job.reply;

    forget_body(request);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->size, reply->body, reply->borrowed ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);

    if (!response)
        return MHD_NO;
    if (!reply->borrowed)
        reply->body = NULL; /* the response owns it now */
    if (atomic_load(&request->job.server->stopping))
        reply->close = true;
    add_headers(response, reply);
    enum MHD_Result result =
        MHD_queue_response(request->connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    if (result == MHD_YES) {
        request->status = reply->status;
        request->answer_size = reply->size;
    }
    return result;
}

enum MHD_Result px_request_answer(struct px_request *request)
{
    if (!settled(request) && request->route->id == PX_ROUTE_TRANSLATE) {
        if (request->suspended)
            return MHD_YES; /* resumed by someone else; the job is still under way */
        submit(request);
        if (request->suspended)
            return MHD_YES;
    } else if (!settled(request)) {
        request->route->answer(request->job.server, &request->job.reply);
    }
    return send_reply(request);
}

bool px_request_waits(const struct px_request *request)
{
    return request->suspended && request->status == 0;
}

static void log_request(const struct px_request *request, double ms)
{
    const struct px_job *job = &request->job;
    enum px_route id = request->route->id;
    bool quiet = id == PX_ROUTE_HEALTHZ || id == PX_ROUTE_READYZ || id == PX_ROUTE_METRICS;
    enum px_log_level level = quiet ? PX_LOG_DEBUG : PX_LOG_INFO;

    if (job->infer_ms > 0)
        px_log(level,
               "%s %s %d, %zu bytes, %.1f ms (model %s, queue %.1f, decode %.1f, infer %.1f, "
               "encode %.1f)",
               request->method, request->url, request->status, request->answer_size, ms,
               job->model->name, job->queue_ms, job->read_decode_ms, job->infer_ms, job->encode_ms);
    else
        px_log(level, "%s %s %d, %zu bytes, %.1f ms", request->method, request->url,
               request->status, request->answer_size, ms);
}

void px_request_destroy(struct px_request *request, bool completed)
{
    double ms = px_ms_since(request->start);
    int status = completed ? request->status : 0;

    px_metrics_request(request->job.server->metrics, request->route->id, status, ms * 1e-3);
    log_request(request, ms);
    px_job_clear(&request->job);
    forget_body(request);
    atomic_fetch_sub(request->active, 1);
    free(request);
}
