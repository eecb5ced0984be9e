#include "server/front/picture_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/front/answer.h"
#include "server/work/request_deadline.h"
#include "server/work/server.h"

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
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

int px_picture_header_answer(struct MHD_Connection *connection, struct px_job *job,
                             struct px_error *err)
{
    int64_t most_ns = job->server->settings->request_deadline * 1000000000;

    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_accept, job);
    return px_request_deadline_read(header(connection, "X-Request-Timeout-Ms"), most_ns,
                                    &job->allowance_ns, err);
}

/* The header of inference requests with a binary part. */
static int read_json_size(struct MHD_Connection *connection, struct px_content_type *type,
                          struct px_error *err)
{
    const char *text = header(connection, PX_JSON_SIZE_HEADER);
    size_t n = text ? strspn(text, "0123456789") : 0;

    if (!text)
        return 0;
    if (n == 0 || n > 12 || text[n] != '\0')
        return px_fail(err, PX_E_INVALID, PX_JSON_SIZE_HEADER " '%.40s' is not a number of bytes",
                       text);
    type->has_json_size = true;
    type->json_size = strtoull(text, NULL, 10);
    return 0;
}

int px_picture_header_body(struct MHD_Connection *connection, struct px_job *job, const char *model,
                           struct px_error *err)
{
    const char *encoding = header(connection, "Content-Encoding");
    struct query query = {&job->fields, err, 0};

    if (encoding && strcasecmp(encoding, "identity") != 0)
        return px_fail(err, PX_E_UNSUPPORTED,
                       "Content-Encoding '%.40s' is not supported; send the body unencoded",
                       encoding);
    if (job->dialect->any_type)
        query.rc = read_json_size(connection, &job->type, err);
    else
        query.rc = px_content_type_parse(header(connection, "Content-Type"), &job->type, err);
    if (query.rc == 0)
        query.rc = px_fields_add(&job->fields, "model", model, strlen(model), "path", err);
    if (query.rc == 0 && job->dialect->query_fields)
        MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, add_argument, &query);
    return query.rc;
}

unsigned long long px_picture_header_length(struct MHD_Connection *connection)
{
    const char *length = header(connection, "Content-Length");

    return length ? strtoull(length, NULL, 10) : 0;
}
