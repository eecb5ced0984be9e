#include "server/message/content_type.h"

#include <string.h>
#include <strings.h>

#include "server/message/header_text.h"

/* Visible ASCII, and spaces inside: more than RFC 2046 allows, as the boundary is only compared. */
static bool is_boundary(const char *s)
{
    size_t n = strlen(s);

    if (n == 0 || s[0] == ' ' || s[n - 1] == ' ')
        return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] < ' ' || s[i] > '~')
            return false;
    return true;
}

static int read_boundary(const char *s, char boundary[static PX_BOUNDARY_MAX + 1],
                         struct px_error *err)
{
    struct px_header_parameter parameter;
    bool found = false;
    int rc;

    while ((rc = px_header_parameter_next(&s, &parameter, err)) > 0) {
        if (!px_header_parameter_is(&parameter, "boundary"))
            continue;
        if (found)
            return px_fail(err, PX_E_INVALID, "Content-Type has two boundary parameters");
        if (!px_header_parameter_copy(&parameter, boundary, PX_BOUNDARY_MAX + 1) ||
            !is_boundary(boundary))
            return px_fail(err, PX_E_INVALID,
                           "Content-Type: the boundary is not 1 to %d visible ASCII characters",
                           PX_BOUNDARY_MAX);
        found = true;
    }
    if (rc < 0) {
        px_error_prefix(err, "Content-Type");
        return rc;
    }
    if (!found)
        return px_fail(err, PX_E_INVALID,
                       "Content-Type multipart/form-data has no boundary parameter; let the HTTP "
                       "client write that header");
    return 0;
}

static const struct {
    const char *name;
    enum px_body_kind kind;
} types[] = {
    {"image/png", PX_BODY_PNG},
    {"image/jpeg", PX_BODY_JPEG},
    {"application/octet-stream", PX_BODY_BYTES},
    {"multipart/form-data", PX_BODY_MULTIPART},
    {"application/json", PX_BODY_JSON},
    {"image/jpg", PX_BODY_JPEG},
    {"image/pjpeg", PX_BODY_JPEG},
    {"image/x-png", PX_BODY_PNG},
};

#define WANTED                                                                                     \
    "send 'Content-Type: image/png', 'image/jpeg' or 'application/octet-stream' with the bytes "   \
    "of a picture, 'multipart/form-data' (curl -F image=@FILE) or 'application/json'"

int px_content_type_parse(const char *header, struct px_content_type *out, struct px_error *err)
{
    const char *s = !header ? "" : px_header_skip_space(header);
    size_t n = strcspn(s, "; \t");

    *out = (struct px_content_type){0};
    if (n == 0)
        return px_fail(err, PX_E_UNSUPPORTED, "the request has no Content-Type; " WANTED);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strlen(types[i].name) != n || strncasecmp(s, types[i].name, n) != 0)
            continue;
        out->kind = types[i].kind;
        return out->kind == PX_BODY_MULTIPART ? read_boundary(s + n, out->boundary, err) : 0;
    }
    return px_fail(err, PX_E_UNSUPPORTED, "Content-Type '%.60s' is not supported; " WANTED, s);
}
