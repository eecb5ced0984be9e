#include "server/front/routes.h"

#include <assert.h>
#include <string.h>

#include "server/api/openai.h"
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

#define GET_METHODS "GET, HEAD, OPTIONS"
#define POST_METHODS "POST, OPTIONS"

static const struct px_route_entry routes[] = {
    {PX_ROUTE_TRANSLATE, "/translate", POST_METHODS, NULL, &px_dialect_own},
    {PX_ROUTE_TRANSLATE, "/v1/images/edits", POST_METHODS, NULL, &px_dialect_openai},
    {PX_ROUTE_MODELS, "/models", GET_METHODS, px_document_models, NULL},
    {PX_ROUTE_HEALTHZ, "/healthz", GET_METHODS, answer_livez, NULL},
    {PX_ROUTE_HEALTHZ, "/livez", GET_METHODS, answer_livez, NULL},
    {PX_ROUTE_HEALTHZ, "/startupz", GET_METHODS, answer_startupz, NULL},
    {PX_ROUTE_READYZ, "/readyz", GET_METHODS, answer_readyz, NULL},
    {PX_ROUTE_METRICS, "/metrics", GET_METHODS, px_document_metrics, NULL},
};
static const struct px_route_entry page = {PX_ROUTE_PAGE, "/", GET_METHODS, NULL, NULL};
/* "OPTIONS *" asks about the server as a whole. */
static const struct px_route_entry all = {PX_ROUTE_OTHER, "*", "GET, HEAD, POST, OPTIONS", NULL,
                                          NULL};
static const struct px_route_entry other = {PX_ROUTE_OTHER, "", "", NULL, NULL};

const struct px_route_entry *px_route_at(size_t index)
{
    return index < sizeof routes / sizeof routes[0] ? &routes[index] : NULL;
}

const struct px_route_entry *px_route_find(const char *path)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (strcmp(routes[i].path, path) == 0)
            return &routes[i];
    if (px_page_has(path))
        return &page;
    return strcmp(path, all.path) == 0 ? &all : &other;
}

static bool takes_get(const struct px_route_entry *route)
{
    return route->answer || route == &page;
}

int px_route_check(const struct px_route_entry *route, const char *path, const char *method,
                   struct px_error *err)
{
    if (route == &other || route == &all)
        return px_fail(err, PX_E_NOT_FOUND,
                       "no such path '%.80s'; try /translate, /models, /healthz, /readyz, "
                       "/metrics, /openapi.json or /",
                       path);
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (takes_get(route) ? get : strcmp(method, "POST") == 0)
        return 0;
    return px_fail(err, PX_E_METHOD, "%s does not take %.16s; use %s", path, method,
                   takes_get(route) ? "GET, HEAD" : "POST");
}

void px_route_answer(const struct px_route_entry *route, const char *path, struct px_server *server,
                     struct px_reply *reply)
{
    assert(takes_get(route));
    if (route->answer)
        route->answer(server, reply);
    else
        px_page_answer(reply, path);
}
