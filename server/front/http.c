#include "server/front/http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "base/log.h"
#include "server/front/connection_deadlines.h"
#include "server/front/library_log.h"
#include "server/front/request.h"
#include "server/front/request_target.h"
#include "server/message/headers.h"

/* Headers of up to about half of this fit; longer ones get 431. */
enum { CONNECTION_MEMORY = 64 << 10, BACKLOG = 1024 };

struct px_http {
    struct px_request_context context;
    const struct px_listeners *listeners;
    struct MHD_Daemon *daemons[PX_LISTENERS_MAX]; /* one for each; NULL: not started */
    struct px_deadlines *deadlines;               /* with every connection */
    bool door_closed;
};

/* Sets the connection's phase and deadline, in seconds from now; 0: none. */
static void enter(struct px_http *http, struct MHD_Connection *connection, enum px_phase phase,
                  int64_t seconds)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    if (info && info->socket_context)
        px_deadlines_set(http->deadlines, info->socket_context, phase, seconds);
}

/* The client may be idle first, which the library ends by itself. */
static int64_t until_header(const struct px_server_settings *settings)
{
    return settings->idle_timeout + settings->request_timeout;
}

static void enter_work(struct px_http *http, struct MHD_Connection *connection,
                       struct px_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    const struct px_deadline_owner owner = {px_request_cancel, request,
                                            px_request_is_http_1_1(request)};

    if (info && info->socket_context)
        px_deadlines_work(http->deadlines, info->socket_context, &owner);
}

static enum MHD_Result answer(struct px_http *http, struct MHD_Connection *connection,
                              struct px_request *request)
{
    enum MHD_Result result = px_request_answer(request);

    /* Our own time is not the client's fault. */
    if (px_request_waits(request))
        enter_work(http, connection, request);
    else
        enter(http, connection, PX_PHASE_SENDING, http->context.server->settings->request_timeout);
    return result;
}

static enum MHD_Result begin(struct px_http *http, struct MHD_Connection *connection,
                             const char *version, struct px_request *request)
{
    struct px_error err = {0};

    enter(http, connection, PX_PHASE_READING, http->context.server->settings->request_timeout);
    if (px_headers_check(connection, version, &err) < 0)
        px_request_refuse(request, &err);
    return px_request_refused_early(request) ? answer(http, connection, request) : MHD_YES;
}

/* At the first line of a request. Too many parameters would take all memory of the connection,
 * which the library then closes without an answer; the text is its own, and writable. */
static void *on_target(void *closure, const char *target, struct MHD_Connection *connection)
{
    struct px_http *http = closure;
    struct px_request_target read;
    struct px_request *request = px_request_create(&http->context, connection, target);

    px_request_target_read(target, &read);
    if (read.query_count > PX_QUERY_MAX)
        strchr((char *)(uintptr_t)target, '?')[1] = '\0';
    return request;
}

static enum MHD_Result on_request(void *closure, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **slot)
{
    struct px_http *http = closure;
    struct px_request *request = *slot;

    if (!request)
        return MHD_NO; /* there was no memory */
    if (!px_request_has_begun(request)) {
        px_request_begin(request, url, method, version);
        return begin(http, connection, version, request);
    }
    if (*upload_size > 0) {
        enum MHD_Result result = px_request_upload(request, upload, *upload_size);
        *upload_size = 0;
        return result;
    }
    return answer(http, connection, request);
}

static void on_completed(void *closure, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    struct px_http *http = closure;

    enter(http, connection, PX_PHASE_IDLE, until_header(http->context.server->settings));
    if (*slot)
        px_request_destroy(*slot, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    *slot = NULL;
}

static void on_connection(void *closure, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    struct px_http *http = closure;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        px_metrics_connection(http->context.server->metrics, 1);
        *slot = px_deadlines_add(http->deadlines, info->connect_fd);
        if (*slot)
            px_deadlines_set(http->deadlines, *slot, PX_PHASE_IDLE,
                             until_header(http->context.server->settings));
        else
            shutdown(info->connect_fd, SHUT_RDWR); /* it would be without a deadline */
    } else {
        px_metrics_connection(http->context.server->metrics, -1);
        if (*slot)
            px_deadlines_remove(http->deadlines, *slot);
        *slot = NULL;
    }
}

__attribute__((format(printf, 2, 0))) static void on_message(void *closure, const char *format,
                                                             va_list args)
{
    static const char refusal[] = "HTTP response code is ";
    struct px_http *http = closure;
    char line[512];

    px_library_log(line, sizeof line, format, args);
    /* This is the only sign of requests that the library refuses by itself. */
    const char *status = strstr(line, refusal);
    if (status) {
        int code = atoi(status + strlen(refusal));
        px_metrics_request(http->context.server->metrics, PX_ROUTE_OTHER, code, 0);
        px_log_info("a request was refused by libmicrohttpd: %d", code);
    }
}

/* Duplicate and malformed headers are refused as far as the library can. */
#if MHD_VERSION >= 0x00097701
#define STRICT MHD_OPTION_CLIENT_DISCIPLINE_LVL
#else
#define STRICT MHD_OPTION_STRICT_FOR_CLIENT
#endif

static struct MHD_Daemon *start(struct px_http *http, int listener)
{
    const struct px_server_settings *settings = http->context.server->settings;
    const unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG;

    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_message, http,
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)settings->http_threads, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)http->context.server->max_connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)settings->idle_timeout, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, STRICT, 1, MHD_OPTION_URI_LOG_CALLBACK, on_target, http,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, http, MHD_OPTION_END);
}

/* Only the epoll loop serves ready connections next to suspended ones without fail. */
static int start_all(struct px_http *http, struct px_error *err)
{
    for (size_t i = 0; i < http->listeners->count; i++) {
        int fd = http->listeners->fds[i];
        if (listen(fd, BACKLOG) != 0)
            return px_fail(err, PX_E_IO, "cannot listen: %s", strerror(errno));
        if (MHD_is_feature_supported(MHD_FEATURE_EPOLL) == MHD_YES)
            http->daemons[i] = start(http, fd);
        if (!http->daemons[i])
            return px_fail(err, PX_E_IO,
                           "libmicrohttpd does not start; --log-level debug shows its reason");
    }
    return 0;
}

int px_http_start(struct px_http **out, struct px_server *server,
                  const struct px_listeners *listeners, struct px_error *err)
{
    struct px_http *http = calloc(1, sizeof *http);

    if (!http)
        return px_fail(err, PX_E_NOMEM, "no memory for the HTTP server");
    http->context.server = server;
    px_id_source_init(&http->context.ids);
    if (server->settings->allow_origin.count > 0 &&
        strcmp(server->settings->allow_origin.items[0], "*") == 0)
        px_log_warning("--allow-origin *: every web site that a visitor of this machine's network "
                       "opens may use the daemon");
    http->listeners = listeners;
    const struct px_deadlines_options deadlines = {
        .max_connections = (size_t)server->max_connections, .min_rate = server->settings->min_rate};
    int rc = px_proxies_parse(&http->context.proxies, &server->settings->trusted_proxy, err);
    if (rc == 0)
        rc = px_gate_init(&http->context.gate, server->settings, px_listeners_are_local(listeners),
                          err);
    if (rc == 0)
        rc = px_deadlines_create(&http->deadlines, &deadlines, err);
    if (rc == 0)
        rc = start_all(http, err);
    if (rc < 0) {
        px_http_stop(http);
        return rc;
    }
    *out = http;
    return 0;
}

int px_http_reload_keys(struct px_http *http, struct px_error *err)
{
    struct px_api_keys *keys = http->context.gate.keys;

    return keys ? px_api_keys_reload(keys, err) : 0;
}

int px_http_active(const struct px_http *http)
{
    return atomic_load(&http->context.active);
}

void px_http_end_slow(struct px_http *http)
{
    const struct px_deadlines_ended ended = px_deadlines_end(http->deadlines);

    for (int i = 0; i < ended.late; i++)
        px_metrics_rejected(http->context.server->metrics, PX_REASON_SLOW);
    for (int i = 0; i < ended.crowded; i++)
        px_metrics_rejected(http->context.server->metrics, PX_REASON_CONNECTIONS);
    if (ended.gone > 0)
        px_log_debug("%d clients left without their answers", ended.gone);
}

void px_http_close_door(struct px_http *http)
{
    if (http->door_closed)
        return;
    http->door_closed = true;
    for (size_t i = 0; i < http->listeners->count; i++) {
        if (!http->daemons[i])
            continue;
        /* From here on the library leaves the descriptor to us. */
        MHD_quiesce_daemon(http->daemons[i]);
        /* Otherwise the kernel would go on accepting connections that are never read; those of an
         * inherited socket wait for the next process that gets it. */
        if (!http->listeners->inherited)
            shutdown(http->listeners->fds[i], SHUT_RD);
    }
}

void px_http_stop(struct px_http *http)
{
    if (!http)
        return;
    px_http_close_door(http);
    for (size_t i = 0; i < http->listeners->count; i++)
        if (http->daemons[i])
            MHD_stop_daemon(http->daemons[i]);
    px_deadlines_destroy(http->deadlines);
    px_gate_clear(&http->context.gate);
    free(http);
}
