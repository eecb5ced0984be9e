#include "server/message/media.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *skip_space(const char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Copies a token; returns its length, 0 where there is none or it does not fit. */
static size_t copy_token(const char *s, char *out, size_t room)
{
    size_t n = 0;

    while (is_token(s[n]))
        n++;
    if (n == 0 || n >= room)
        return 0;
    memcpy(out, s, n);
    out[n] = '\0';
    return n;
}

/* Copies a quoted string without its quotes and escapes; returns the bytes read or 0. */
static size_t copy_quoted(const char *s, char *out, size_t room)
{
    size_t i = 1, n = 0;

    while (s[i] != '"') {
        if (s[i] == '\\' && s[i + 1] != '\0')
            i++;
        if (s[i] == '\0' || n + 1 >= room)
            return 0;
        out[n++] = s[i++];
    }
    out[n] = '\0';
    return i + 1;
}

int px_media_parameter_next(const char **at, struct px_media_parameter *out, struct px_error *err)
{
    const char *s = skip_space(*at);
    size_t n;

    while (*s == ';')
        s = skip_space(s + 1);
    *at = s;
    if (*s == '\0')
        return 0;
    n = copy_token(s, out->name, sizeof out->name);
    if (n == 0 || s[n] != '=')
        return px_fail(err, PX_E_INVALID, "malformed header parameter at '%.40s'", s);
    s += n + 1;
    n = *s == '"' ? copy_quoted(s, out->value, sizeof out->value)
                  : copy_token(s, out->value, sizeof out->value);
    if (n == 0)
        return px_fail(err, PX_E_INVALID,
                       "the value of header parameter '%s' is missing, unterminated or too long",
                       out->name);
    s = skip_space(s + n);
    if (*s != '\0' && *s != ';')
        return px_fail(err, PX_E_INVALID, "unexpected text after header parameter '%s'", out->name);
    *at = s;
    return 1;
}

static bool is_boundary(const char *s)
{
    size_t n = strlen(s);

    if (n == 0 || n > PX_BOUNDARY_MAX || s[n - 1] == ' ')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!(s[i] >= '0' && s[i] <= '9') && !(s[i] >= 'a' && s[i] <= 'z') &&
            !(s[i] >= 'A' && s[i] <= 'Z') && strchr("'()+_,-./:=? ", s[i]) == NULL)
            return false;
    return true;
}

static int read_boundary(const char *s, char *boundary, struct px_error *err)
{
    struct px_media_parameter parameter;
    bool found = false;
    int rc;

    while ((rc = px_media_parameter_next(&s, &parameter, err)) > 0) {
        if (strcasecmp(parameter.name, "boundary") != 0)
            continue;
        if (found)
            return px_fail(err, PX_E_INVALID, "Content-Type has two boundary parameters");
        if (!is_boundary(parameter.value))
            return px_fail(err, PX_E_INVALID,
                           "Content-Type: the boundary is not 1 to 70 characters of RFC 2046");
        found = true;
        strcpy(boundary, parameter.value); /* is_boundary checked the length */
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

#define WANTED                                                                                     \
    "send 'Content-Type: image/png', 'image/jpeg' or 'application/octet-stream' with the bytes "   \
    "of a picture, 'multipart/form-data' (curl -F image=@FILE) or 'application/json'"

int px_content_type_parse(const char *header, struct px_content_type *out, struct px_error *err)
{
    static const char *const names[] = {
        [PX_BODY_PNG] = "image/png",
        [PX_BODY_JPEG] = "image/jpeg",
        [PX_BODY_BYTES] = "application/octet-stream",
        [PX_BODY_MULTIPART] = "multipart/form-data",
        [PX_BODY_JSON] = "application/json",
    };
    const char *s = !header ? "" : skip_space(header);
    size_t n = strcspn(s, "; \t");

    *out = (struct px_content_type){0};
    if (n == 0)
        return px_fail(err, PX_E_UNSUPPORTED, "the request has no Content-Type; " WANTED);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) != n || strncasecmp(s, names[i], n) != 0)
            continue;
        out->kind = (enum px_body_kind)i;
        return i == PX_BODY_MULTIPART ? read_boundary(s + n, out->boundary, err) : 0;
    }
    return px_fail(err, PX_E_UNSUPPORTED, "Content-Type '%.60s' is not taken here; " WANTED, s);
}

/* What an Accept header says about one media type: q in thousandths (-1: nothing) by the most
 * precise range that matches: 3 type/subtype, 2 type/any, 1 any. */
struct rank {
    int precision;
    int q;
};

/* "0.25" -> 250; anything malformed counts as 1. */
static int parse_q(const char *s, const char *end)
{
    int q = 0, scale = 1000;

    if (s >= end || (*s != '0' && *s != '1'))
        return 1000;
    q = (*s++ - '0') * scale;
    if (s < end && *s == '.')
        for (s++; s < end && *s >= '0' && *s <= '9' && scale > 1; s++)
            q += (*s - '0') * (scale /= 10);
    return q > 1000 ? 1000 : q;
}

static int range_q(const char *s, const char *end)
{
    while (s < end) {
        const char *semicolon = memchr(s, ';', (size_t)(end - s));
        if (!semicolon)
            break;
        s = skip_space(semicolon + 1);
        if (end - s > 2 && (s[0] == 'q' || s[0] == 'Q') && s[1] == '=')
            return parse_q(s + 2, end);
    }
    return 1000;
}

static int range_precision(const char *range, size_t n, const char *type)
{
    size_t slash = (size_t)(strchr(type, '/') - type) + 1;

    if (n == strlen(type) && strncasecmp(range, type, n) == 0)
        return 3;
    if (n == slash + 1 && range[slash] == '*' && strncasecmp(range, type, slash) == 0)
        return 2;
    return n == 3 && memcmp(range, "*/*", 3) == 0 ? 1 : 0;
}

static struct rank rank_type(const char *header, const char *type)
{
    struct rank best = {0, -1};
    const char *s = header;

    while (*s != '\0') {
        const char *end = s + strcspn(s, ",");
        const char *range = skip_space(s);
        size_t n = strcspn(range, "; \t,");
        int precision = range_precision(range, n, type);
        if (precision > best.precision) {
            best.precision = precision;
            best.q = range_q(range, end);
        }
        s = *end == ',' ? end + 1 : end;
    }
    return best;
}

static bool better(struct rank a, struct rank b)
{
    return a.q != b.q ? a.q > b.q : a.q > 0 && a.precision > b.precision;
}

struct px_accepted px_accept(const char *header, enum px_format format)
{
    struct px_accepted accepted = {.format = format};

    if (!header || *skip_space(header) == '\0')
        header = "*/*";
    struct rank png = rank_type(header, "image/png");
    struct rank jpeg = rank_type(header, "image/jpeg");
    struct rank json = rank_type(header, "application/json");
    if (format == PX_FORMAT_NONE)
        accepted.format = better(jpeg, png) && jpeg.q > 0 ? PX_FORMAT_JPEG : PX_FORMAT_PNG;
    struct rank picture = better(jpeg, png) ? jpeg : png;
    accepted.json = json.q > 0 && better(json, picture);
    return accepted;
}
