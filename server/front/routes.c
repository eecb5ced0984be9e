#include "server/front/routes.h"

#include <string.h>

#include "server/front/documents.h"
#include "server/front/page.h"

static void answer_ok(struct px_reply *reply)
{
    struct px_buffer text = {0};

    px_buffer_appendf(&text, "{\"status\":\"ok\"}\n");
    px_reply_text(reply, 200, "application/json", &text);
}

static void answer_unless(struct px_reply *reply, const char *problem)
{
    struct px_error err = {0};

    if (!problem) {
        answer_ok(reply);
        return;
    }
    px_fail(&err, PX_E_BUSY, "%s", problem);
    px_reply_problem(reply, &err);
}

/* /livez and /healthz: a process that answers is alive, unless a worker hangs. */
static void answer_livez(struct px_server *server, struct px_reply *reply)
{
    answer_unless(reply, atomic_load(&server->stuck_workers) > 0 ? "a worker is stuck" : NULL);
}

static void answer_readyz(struct px_server *server, struct px_reply *reply)
{
    answer_unless(reply, atomic_load(&server->draining) ? "the daemon is stopping"
                         : atomic_load(&server->stuck_workers) >= server->share.workers
                             ? "all workers are stuck"
                             : NULL);
}

/* What listens has started: every worker has made a picture of every model. */
static void answer_startupz(struct px_server *server, struct px_reply *reply)
{
    (void)server;
    answer_ok(reply);
}

static void answer_models(struct px_server *server, struct px_reply *reply)
{
    px_scrape_models(server, reply);
}

static const struct px_route_entry routes[] = {
    {PX_ROUTE_TRANSLATE, "/translate", true, NULL},
    {PX_ROUTE_MODELS, "/models", false, answer_models},
    {PX_ROUTE_HEALTHZ, "/healthz", false, answer_livez},
    {PX_ROUTE_HEALTHZ, "/livez", false, answer_livez},
    {PX_ROUTE_HEALTHZ, "/startupz", false, answer_startupz},
    {PX_ROUTE_READYZ, "/readyz", false, answer_readyz},
    {PX_ROUTE_METRICS, "/metrics", false, px_scrape_metrics},
};
static const struct px_route_entry page = {PX_ROUTE_PAGE, "", false, NULL};
static const struct px_route_entry other = {PX_ROUTE_OTHER, "", false, NULL};

static void check_method(const struct px_route_entry *route, const char *path, const char *method,
                         struct px_reply *reply, struct px_error *err)
{
    const char *allow = route->post ? "POST" : "GET, HEAD";

    if (route->post ? strcmp(method, "POST") == 0
                    : strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        return;
    px_reply_clear(reply);
    px_fail(err, PX_E_METHOD, "%.16s is not possible at %s; use %s", method, path, allow);
    px_reply_problem(reply, err);
    reply->allow = allow;
}

const struct px_route_entry *px_route_find(const char *path, const char *method,
                                           struct px_reply *reply, struct px_error *err)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(routes[i].path, path) != 0)
            continue;
        check_method(&routes[i], path, method, reply, err);
        return &routes[i];
    }
    if (px_page_answer(reply, path)) {
        check_method(&page, path, method, reply, err);
        return &page;
    }
    px_fail(err, PX_E_NOT_FOUND,
            "there is nothing at '%.80s'; there is /translate, /models, /healthz, /readyz, "
            "/metrics and /",
            path);
    px_reply_problem(reply, err);
    return &other;
}
