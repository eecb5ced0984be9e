#include "server/front/routes.h"

#include <assert.h>
#include <string.h>

#include "server/api/inference.h"
#include "server/api/openai.h"
#include "server/front/documents.h"
#include "server/front/page.h"
#include "server/front/probes.h"
#include "server/front/v2.h"

#define GET_METHODS "GET, HEAD, OPTIONS"
#define POST_METHODS "POST, OPTIONS"
#define V2_GET(id, path, ...)                                                                      \
    {                                                                                              \
        id, path, GET_METHODS, __VA_ARGS__, .dialect = &px_dialect_inference                       \
    }

static const struct px_route_entry routes[] = {
    {PX_ROUTE_TRANSLATE, "/translate", POST_METHODS, .dialect = &px_dialect_own},
    {PX_ROUTE_TRANSLATE, "/v1/images/edits", POST_METHODS, .dialect = &px_dialect_openai},
    {PX_ROUTE_MODELS, "/models", GET_METHODS, .answer = px_document_models},
    {PX_ROUTE_INFO, "/info", GET_METHODS, .answer = px_document_info},
    {PX_ROUTE_HEALTHZ, "/healthz", GET_METHODS, .answer = px_probe_live},
    {PX_ROUTE_HEALTHZ, "/livez", GET_METHODS, .answer = px_probe_live},
    {PX_ROUTE_HEALTHZ, "/startupz", GET_METHODS, .answer = px_probe_started},
    {PX_ROUTE_READYZ, "/readyz", GET_METHODS, .answer = px_probe_ready},
    {PX_ROUTE_METRICS, "/metrics", GET_METHODS, .answer = px_document_metrics},
    V2_GET(PX_ROUTE_MODELS, "/v2", .answer = px_v2_server),
    V2_GET(PX_ROUTE_HEALTHZ, "/v2/health/live", .answer = px_v2_live),
    V2_GET(PX_ROUTE_READYZ, "/v2/health/ready", .answer = px_v2_ready),
    V2_GET(PX_ROUTE_MODELS, "/v2/models/{model}", .answer_model = px_v2_model),
    V2_GET(PX_ROUTE_MODELS, "/v2/models/{model}/ready", .answer_model = px_v2_model_ready),
    V2_GET(PX_ROUTE_MODELS, "/v2/models/{model}/versions/{version}", .answer_model = px_v2_model),
    V2_GET(PX_ROUTE_MODELS, "/v2/models/{model}/versions/{version}/ready",
           .answer_model = px_v2_model_ready),
    {PX_ROUTE_TRANSLATE, "/v2/models/{model}/infer", POST_METHODS,
     .dialect = &px_dialect_inference},
    {PX_ROUTE_TRANSLATE, "/v2/models/{model}/versions/{version}/infer", POST_METHODS,
     .dialect = &px_dialect_inference},
};
static const struct px_route_entry page = {PX_ROUTE_PAGE, "/", GET_METHODS, .answer = NULL};
/* "OPTIONS *" asks about the server as a whole. */
static const struct px_route_entry all = {PX_ROUTE_OTHER, "*", "GET, HEAD, POST, OPTIONS",
                                          .answer = NULL};
/* Unknown paths below a prefix: other servers' clients understand only their own failures. */
static const struct px_route_entry others[] = {
    {PX_ROUTE_OTHER, "/v1/", "", .dialect = &px_dialect_openai},
    {PX_ROUTE_OTHER, "/v2/", "", .dialect = &px_dialect_inference},
    {PX_ROUTE_OTHER, "", "", .answer = NULL},
};

/* What to try instead of an unknown path. */
static const char *known_paths(const struct px_route_entry *route)
{
    if (route->dialect == &px_dialect_openai)
        return "/v1/images/edits; its models are in /models";
    if (route->dialect == &px_dialect_inference)
        return "/v2, /v2/health/ready, /v2/models/MODEL or /v2/models/MODEL/infer; the models are "
               "in /models";
    return "/translate, /v1/images/edits, /v2, /models, /info, /healthz, /livez, /readyz, "
           "/startupz, /metrics, /openapi.json, /api.html or /";
}

const struct px_route_entry *px_route_at(size_t index)
{
    return index < sizeof routes / sizeof routes[0] ? &routes[index] : NULL;
}

/* Whether a segment of a path is what the pattern's segment wants. */
static bool matches_segment(const char *pattern, size_t pattern_size, const char *text, size_t size,
                            char model[static PX_ROUTE_MODEL_SIZE])
{
    if (pattern_size == 7 && memcmp(pattern, "{model}", 7) == 0) {
        if (size == 0 || size >= PX_ROUTE_MODEL_SIZE)
            return false;
        memcpy(model, text, size);
        model[size] = '\0';
        return true;
    }
    if (pattern_size == 9 && memcmp(pattern, "{version}", 9) == 0)
        return size == 1 && *text == '1';
    return pattern_size == size && memcmp(pattern, text, size) == 0;
}

static bool matches(const char *pattern, const char *path, char model[static PX_ROUTE_MODEL_SIZE])
{
    model[0] = '\0';
    while (*pattern == '/' && *path == '/') {
        pattern++;
        path++;
        size_t n = strcspn(pattern, "/"), m = strcspn(path, "/");
        if (!matches_segment(pattern, n, path, m, model))
            return false;
        pattern += n;
        path += m;
    }
    return *pattern == '\0' && *path == '\0';
}

static const struct px_route_entry *unknown(const char *path)
{
    size_t i = 0;

    while (strncmp(path, others[i].path, strlen(others[i].path)) != 0)
        i++;
    return &others[i];
}

const struct px_route_entry *px_route_find(const char *path, char model[static PX_ROUTE_MODEL_SIZE])
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (matches(routes[i].path, path, model))
            return &routes[i];
    model[0] = '\0';
    if (px_page_has(path))
        return &page;
    return strcmp(path, all.path) == 0 ? &all : unknown(path);
}

static bool takes_get(const struct px_route_entry *route)
{
    return route->answer || route->answer_model || route == &page;
}

bool px_route_takes_picture(const struct px_route_entry *route)
{
    return route->id == PX_ROUTE_TRANSLATE;
}

bool px_route_is_public(const struct px_route_entry *route)
{
    return route->id == PX_ROUTE_HEALTHZ || route->id == PX_ROUTE_READYZ ||
           route->id == PX_ROUTE_PAGE;
}

int px_route_check(const struct px_route_entry *route, const char *path, const char *method,
                   struct px_error *err)
{
    if (route->id == PX_ROUTE_OTHER)
        return px_fail(err, PX_E_NOT_FOUND, "no such path '%.80s'; try %s", path,
                       known_paths(route));
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (takes_get(route) ? get : strcmp(method, "POST") == 0)
        return 0;
    return px_fail(err, PX_E_METHOD, "%s does not take %.16s; use %s", path, method,
                   takes_get(route) ? "GET, HEAD" : "POST");
}

void px_route_answer(const struct px_route_entry *route, const char *path, const char *model,
                     struct px_server *server, struct px_reply *reply)
{
    assert(takes_get(route));
    if (route->answer)
        route->answer(server, reply);
    else if (route->answer_model)
        route->answer_model(server, model, reply);
    else
        px_page_answer(reply, path);
}
