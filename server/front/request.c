#include "server/front/request.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/block.h"
#include "base/clock.h"
#include "server/front/access_log.h"
#include "server/front/answer.h"
#include "server/front/picture_header.h"
#include "server/front/request_report.h"
#include "server/front/request_target.h"
#include "server/front/routes.h"
#include "server/front/upload.h"
#include "server/work/cancel.h"
#include "server/work/job.h"

/* A body whose length is announced and is over the limit by less than this is read and thrown away,
 * for the sake of clients that look for an answer only when they have sent everything. Of a chunked
 * one any length is, until --request-timeout. */
enum { DISCARD_BYTES = 64 << 20, STATUS_CLIENT_GONE = 499 };

struct px_request {
    struct px_job job; /* first: job_done() gets from the job to the request */
    struct MHD_Connection *connection;
    struct px_request_context *context;
    const struct px_route_entry *route; /* NULL: the header is not complete */
    struct px_request_target target;
    char method[16], path[400];      /* cut to fit: no route is longer */
    char model[PX_ROUTE_MODEL_SIZE]; /* of the path; "": none */
    int64_t start;
    struct px_upload upload;
    struct px_cross_origin origin;
    struct px_client_address address;
    struct px_pass pass;
    bool early;
    bool preflight; /* an OPTIONS request */
    bool is_http_1_1;
    bool suspended;
    int status; /* sent; 0: none yet */
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
    px_upload_clear(&request->upload);
}

static void refuse(struct px_request *request, const struct px_error *err)
{
    px_reply_problem(&request->job.reply, err);
    forget_body(request);
}

/* Whether the request is settled and its body no longer of interest. */
static bool is_settled(const struct px_request *request)
{
    return request->job.reply.status != 0;
}

static void refuse_busy(struct px_request *request, const struct px_error *err)
{
    struct px_server *server = request->job.server;

    px_metrics_rejected(server->metrics, px_queue_is_closed(server->queue) ? PX_REASON_STOPPING
                                                                           : PX_REASON_QUEUE_FULL);
    refuse(request, err);
    request->job.reply.retry_after = px_queue_retry_seconds(server->queue);
}

static int check_capacity(const struct px_request *request, struct px_error *err)
{
    return px_queue_check(request->job.server->queue, request->job.client,
                          request->job.allowance_ns, err);
}

/* `length` is what the header announces. */
static int check_length(struct px_request *request, unsigned long long length, struct px_error *err)
{
    uint64_t limit = request->job.server->settings->max_body;

    if (length <= limit) {
        request->upload.announced = (size_t)length;
        return 0;
    }
    request->early = length - limit > DISCARD_BYTES;
    return px_fail(err, PX_E_TOO_LARGE,
                   "the body is %llu bytes; the limit is %llu: send a smaller picture", length,
                   (unsigned long long)limit);
}

static void check_picture(struct px_request *request)
{
    struct px_job *job = &request->job;
    struct px_error err = {0};

    job->dialect = request->route->dialect;
    if (px_picture_header_answer(request->connection, job, &err) < 0) {
        refuse(request, &err);
        return;
    }
    if (check_capacity(request, &err) < 0) {
        refuse_busy(request, &err);
        return;
    }
    int rc = check_length(request, px_picture_header_length(request->connection), &err);
    if (rc == 0)
        rc = px_picture_header_body(request->connection, job, request->model, &err);
    if (rc < 0)
        refuse(request, &err);
}

static void job_done(struct px_job *job)
{
    struct px_request *request = (struct px_request *)job;

    MHD_resume_connection(request->connection);
}

struct px_request *px_request_create(struct px_request_context *context,
                                     struct MHD_Connection *connection, const char *target)
{
    struct px_request *request = px_block_take_zeroed(sizeof *request);

    if (!request)
        return NULL;
    request->job.server = context->server;
    request->job.done = job_done;
    request->connection = connection;
    request->context = context;
    request->start = px_now_ns();
    request->upload.budget = &context->server->bodies;
    request->upload.limit = context->server->settings->max_body;
    px_request_target_read(target, &request->target);
    return request;
}

/* Any web page can make its visitors send this. */
static int check_origin(struct px_request *request, const char *method, struct px_error *err)
{
    const char *origin = header(request, "Origin");
    int rc = px_gate_check_host(&request->context->gate, request->connection, err);

    if (rc < 0)
        return rc;
    if (request->origin.foreign && strcmp(method, "POST") == 0)
        return px_fail(err, PX_E_FORBIDDEN,
                       "the origin %.100s is not allowed; to allow it, start the daemon with "
                       "--allow-origin %.100s",
                       origin, origin);
    return 0;
}

/* Metrics are not for the whole world, once they have an address of their own. */
static int check_route(const struct px_request *request, const char *method, struct px_error *err)
{
    if (request->route->id == PX_ROUTE_METRICS && request->job.server->has_admin)
        return px_fail(err, PX_E_NOT_FOUND, "/metrics is on the address of --admin-listen only");
    return px_route_check(request->route, request->path, method, err);
}

static int check_client(struct px_request *request, struct px_error *err)
{
    int rc = px_gate_check_client(&request->context->gate, request->connection, request->route,
                                  &request->address, &request->pass, err);

    request->job.client = request->pass.client;
    if (rc == -PX_E_LIMITED)
        px_metrics_rejected(request->job.server->metrics, PX_REASON_RATE);
    return rc;
}

/* What the header alone decides, in this order: the target, the origin, the path, the method, the
 * client. */
static void check_header(struct px_request *request, const char *method)
{
    struct px_error err = {0};
    bool known = request->route->allow[0] != '\0';

    if (px_request_target_check(&request->target, &err) < 0) {
        refuse(request, &err);
    } else if (check_origin(request, method, &err) < 0) {
        refuse(request, &err);
        request->early = true; /* a body would cost, and is not wanted */
    } else if (known && strcmp(method, "OPTIONS") == 0) {
        request->preflight = true;
        request->job.reply = (struct px_reply){.status = MHD_HTTP_NO_CONTENT};
    } else if (check_route(request, method, &err) < 0 || check_client(request, &err) < 0) {
        refuse(request, &err);
        request->job.reply.retry_after = request->pass.rate.retry;
    } else if (px_route_takes_picture(request->route)) {
        check_picture(request);
    }
    if (known && (request->preflight || err.code == PX_E_METHOD))
        request->job.reply.allow = request->route->allow;
}

void px_request_begin(struct px_request *request, const char *url, const char *method,
                      const char *version)
{
    assert(!request->route);
    atomic_fetch_add(&request->context->active, 1);
    request->is_http_1_1 = strcmp(version, "HTTP/1.1") == 0;
    snprintf(request->method, sizeof request->method, "%s", method);
    snprintf(request->path, sizeof request->path, "%s", px_request_target_path(url));
    request->route = px_route_find(request->path, request->model);
    px_request_id_choose(&request->context->ids, header(request, "X-Request-Id"), request->job.id);
    px_client_address_find(&request->context->proxies, request->connection, &request->address);
    request->origin = px_origin_judge(&request->job.server->settings->allow_origin,
                                      header(request, "Origin"), header(request, "Host"));
    check_header(request, method);
    const char *expect = header(request, "Expect");
    if (is_settled(request) && expect && strcasecmp(expect, "100-continue") == 0)
        request->early = true;
}

bool px_request_has_begun(const struct px_request *request)
{
    return request->route;
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

enum MHD_Result px_request_upload(struct px_request *request, const char *data, size_t size)
{
    const struct px_span piece = {(const uint8_t *)data, size};
    struct px_error err = {0};

    if (is_settled(request) || !px_route_takes_picture(request->route))
        return MHD_YES; /* thrown away */
    if (px_upload_add(&request->upload, &request->job.body.whole, piece, &err) < 0) {
        if (err.code == PX_E_BUSY)
            px_metrics_rejected(request->job.server->metrics, PX_REASON_MEMORY);
        refuse(request, &err);
    }
    return MHD_YES;
}

/* libmicrohttpd 0.9 reads a resumed connection before it asks for the answer, and gives up if the
 * client has closed its sending side meanwhile; unless the connection has a timeout of its own. */
static void set_timeout(struct px_request *request, bool own)
{
    unsigned seconds = (unsigned)request->job.server->settings->idle_timeout;

    MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds + own);
}

/* The connection is suspended before the job leaves: it may be done before this returns. */
static void submit(struct px_request *request)
{
    struct px_server *server = request->job.server;
    struct px_error err = {0};

    if (px_queue_reserve(server->queue, request->job.client, request->job.allowance_ns, &err) < 0) {
        refuse_busy(request, &err);
        return;
    }
    px_metrics_body(server->metrics, (double)request->job.body.whole.size);
    request->suspended = true;
    set_timeout(request, true);
    MHD_suspend_connection(request->connection);
    px_queue_submit(server->queue, &request->job);
}

static enum MHD_Result send_reply(struct px_request *request)
{
    struct px_reply *reply = &request->job.reply;
    struct px_buffer timing = {0}, name = {0};
    struct px_answer answer = {.reply = reply,
                               .dialect = request->route->dialect ? request->route->dialect
                                                                  : &px_dialect_own,
                               .id = request->job.id,
                               .rate = &request->pass.rate,
                               .origin = request->origin,
                               .preflight = request->preflight};

    forget_body(request);
    if (request->suspended)
        set_timeout(request, false);
    if (atomic_load(&request->job.server->draining))
        reply->close = true;
    px_request_describe(&request->job, &answer, &timing, &name);
    enum MHD_Result result = px_answer_queue(request->connection, &answer);
    px_buffer_clear(&timing);
    px_buffer_clear(&name);
    if (result == MHD_YES) {
        request->status = reply->status;
        request->answer_size = reply->size;
    }
    return result;
}

enum MHD_Result px_request_answer(struct px_request *request)
{
    if (!is_settled(request) && px_route_takes_picture(request->route)) {
        if (request->suspended)
            return MHD_YES; /* resumed by someone else; the job is still under way */
        submit(request);
        if (request->suspended)
            return MHD_YES;
    } else if (!is_settled(request)) {
        px_route_answer(request->route, request->path, request->model, request->job.server,
                        &request->job.reply);
    }
    return send_reply(request);
}

bool px_request_is_http_1_1(const struct px_request *request)
{
    return request->is_http_1_1;
}

void px_request_cancel(void *closure)
{
    struct px_request *request = closure;

    px_job_cancel(&request->job);
}

bool px_request_waits(const struct px_request *request)
{
    return request->suspended && request->status == 0;
}

static void log_request(const struct px_request *request, int status, double ms)
{
    const struct px_access access = {.route = request->route,
                                     .job = &request->job,
                                     .address = &request->address,
                                     .key = request->pass.key,
                                     .method = request->method,
                                     .path = request->path,
                                     .status = status,
                                     .bytes = request->answer_size,
                                     .ms = ms,
                                     .submitted = request->suspended};

    px_access_log(&access);
}

void px_request_destroy(struct px_request *request, bool completed)
{
    double ms = px_ms_since(request->start);
    int status = completed && request->status != 0 ? request->status : STATUS_CLIENT_GONE;

    if (request->route) {
        px_metrics_request(request->job.server->metrics, request->route->id, status, ms * 1e-3);
        log_request(request, status, ms);
        atomic_fetch_sub(&request->context->active, 1);
    }
    px_queue_release(request->job.server->queue, &request->job);
    px_job_clear(&request->job);
    forget_body(request);
    px_block_release(request);
}
