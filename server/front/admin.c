#include "server/front/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "base/log.h"
#include "server/front/address.h"
#include "server/front/answer.h"
#include "server/front/gate.h"
#include "server/front/library_log.h"
#include "server/front/request_id.h"
#include "server/front/routes.h"
#include "server/front/urgency.h"

enum {
    ADMIN_BACKLOG = 64,
    ADMIN_CONNECTIONS = 64,
    ADMIN_IDLE_SECONDS = 10,
    ADMIN_MEMORY = 16 << 10
};

struct px_admin {
    struct px_server *server;
    struct px_id_source ids;
    struct px_gate gate;                          /* for the Host header only */
    struct MHD_Daemon *daemons[PX_LISTENERS_MAX]; /* NULL behind the last */
};

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool is_admin(const struct px_route_entry *route)
{
    return route->id == PX_ROUTE_HEALTHZ || route->id == PX_ROUTE_READYZ ||
           route->id == PX_ROUTE_METRICS;
}

static int check(struct px_admin *admin, struct MHD_Connection *connection,
                 const struct px_route_entry *route, struct px_error *err)
{
    int rc = px_gate_check_host(&admin->gate, connection, err);

    if (rc < 0)
        return rc;
    if (!is_admin(route))
        return px_fail(err, PX_E_NOT_FOUND,
                       "this address has /livez, /readyz, /startupz, /healthz and /metrics only");
    return 0;
}

static enum MHD_Result answer(struct px_admin *admin, struct MHD_Connection *connection,
                              const char *path, const char *method)
{
    char model[PX_ROUTE_MODEL_SIZE], id[PX_JOB_ID_SIZE];
    const struct px_route_entry *route = px_route_find(path, model);
    struct px_reply reply = {0};
    struct px_error err = {0};

    px_request_id_choose(&admin->ids, header(connection, "X-Request-Id"), id);
    int rc = check(admin, connection, route, &err);
    if (rc == 0)
        rc = px_route_check(route, path, method, &err);
    if (rc == 0)
        px_route_answer(route, path, model, admin->server, &reply);
    else
        px_reply_problem(&reply, &err);
    const struct px_answer full = {
        .reply = &reply, .dialect = route->dialect ? route->dialect : &px_dialect_own, .id = id};
    enum MHD_Result result = px_answer_queue(connection, &full);
    px_reply_clear(&reply);
    return result;
}

/* Called for the header, then for pieces of a body, which are thrown away, then for the answer. */
static enum MHD_Result on_request(void *closure, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **slot)
{
    bool begun = *slot != NULL;

    (void)version;
    (void)upload;
    *slot = closure;
    if (begun && *upload_size == 0)
        return answer(closure, connection, url, method);
    *upload_size = 0;
    return MHD_YES;
}

__attribute__((format(printf, 2, 0))) static void on_message(void *closure, const char *format,
                                                             va_list args)
{
    char line[512];

    (void)closure;
    px_library_log(line, sizeof line, format, args);
}

static int start(struct px_admin *admin, size_t i, int fd, struct px_error *err)
{
    char url[128];

    if (listen(fd, ADMIN_BACKLOG) != 0)
        return px_fail(err, PX_E_IO, "cannot listen: %s", strerror(errno));
    admin->daemons[i] = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, admin,
        MHD_OPTION_EXTERNAL_LOGGER, on_message, admin, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)ADMIN_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)ADMIN_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)ADMIN_MEMORY,
        MHD_OPTION_END);
    if (!admin->daemons[i])
        return px_fail(err, PX_E_IO, "libmicrohttpd does not start for --admin-listen");
    int rc = px_listen_url(fd, url, sizeof url, err);
    if (rc == 0)
        px_log_info("health and metrics on %s", url);
    return rc;
}

int px_admin_start(struct px_admin **out, struct px_server *server,
                   const struct px_listeners *listeners, struct px_error *err)
{
    struct px_admin *admin = calloc(1, sizeof *admin);
    struct px_urgency urgency;
    int rc = 0;

    if (!admin)
        return px_fail(err, PX_E_NOMEM, "no memory for --admin-listen");
    admin->server = server;
    admin->gate = (struct px_gate){.settings = server->settings,
                                   .check_host = px_listeners_are_local(listeners)};
    px_id_source_init(&admin->ids);
    px_urgency_raise(&urgency);
    for (size_t i = 0; i < listeners->count && rc == 0; i++)
        rc = start(admin, i, listeners->fds[i], err);
    px_urgency_restore(&urgency);
    if (rc < 0) {
        px_admin_stop(admin);
        return rc;
    }
    *out = admin;
    return 0;
}

void px_admin_stop(struct px_admin *admin)
{
    if (!admin)
        return;
    for (size_t i = 0; i < PX_LISTENERS_MAX && admin->daemons[i]; i++) {
        /* It leaves the descriptor to its owner. */
        MHD_quiesce_daemon(admin->daemons[i]);
        MHD_stop_daemon(admin->daemons[i]);
    }
    free(admin);
}
