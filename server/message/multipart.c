#include "server/message/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/message/content_type.h"
#include "server/message/header_text.h"

struct cursor {
    const uint8_t *at, *end;
    char delimiter[2 + 2 + PX_BOUNDARY_MAX + 1]; /* CR LF "--" boundary */
    size_t length;
};

static size_t left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* What follows a delimiter's text: 1 the rest of a delimiter line (*next is behind its line end), 2
 * the closing "--", 0 anything else, which makes the candidate ordinary data. */
static int delimiter_kind(const struct cursor *c, const uint8_t *s, const uint8_t **next)
{
    if (c->end - s >= 2 && s[0] == '-' && s[1] == '-') {
        *next = s + 2;
        return 2;
    }
    while (s < c->end && (*s == ' ' || *s == '\t'))
        s++;
    if (c->end - s < 2 || s[0] != '\r' || s[1] != '\n')
        return 0;
    *next = s + 2;
    return 1;
}

/* Finds the next delimiter at or behind c->at: *data_end is where the data before it ends; c->at
 * moves behind it. Returns its kind, 0 if there is none. */
static int next_delimiter(struct cursor *c, const uint8_t **data_end)
{
    const uint8_t *from = c->at;

    while (from < c->end) {
        const uint8_t *hit = memmem(from, (size_t)(c->end - from), c->delimiter, c->length);
        if (!hit)
            return 0;
        int kind = delimiter_kind(c, hit + c->length, &c->at);
        *data_end = hit;
        if (kind != 0)
            return kind;
        from = hit + 1;
    }
    return 0;
}

/* The first delimiter may open the body without a line end before it. */
static int first_delimiter(struct cursor *c)
{
    const uint8_t *ignored;
    size_t n = c->length - 2;

    if (left(c) >= n && memcmp(c->at, c->delimiter + 2, n) == 0) {
        int kind = delimiter_kind(c, c->at + n, &c->at);
        if (kind != 0)
            return kind;
    }
    return next_delimiter(c, &ignored);
}

static int read_disposition(const char *value, struct px_form_part *part, struct px_error *err)
{
    struct px_header_parameter parameter;
    size_t n = strcspn(value, "; \t");
    bool named = false;
    int rc;

    if (n != 9 || strncasecmp(value, "form-data", 9) != 0)
        return px_fail(err, PX_E_INVALID,
                       "multipart: a part's Content-Disposition is not form-data");
    value += n;
    while ((rc = px_header_parameter_next(&value, &parameter, err)) > 0) {
        if (px_header_parameter_is(&parameter, "name")) {
            if (named)
                return px_fail(err, PX_E_INVALID, "multipart: a part has two names");
            named = true;
            px_header_parameter_copy(&parameter, part->name, sizeof part->name);
        } else if (px_header_parameter_is(&parameter, "filename") ||
                   px_header_parameter_is(&parameter, "filename*")) {
            part->is_file = true;
            part->not_chosen = parameter.value.size == 0;
        }
    }
    if (rc < 0)
        px_error_prefix(err, "multipart: Content-Disposition");
    else if (!named)
        rc = px_fail(err, PX_E_INVALID, "multipart: a part has no name");
    return rc;
}

static int read_header(char *line, struct px_form_part *part, bool *disposed, struct px_error *err)
{
    char *colon = strchr(line, ':');

    if (!colon || colon == line || line[0] == ' ' || line[0] == '\t' ||
        strcspn(line, " \t") < (size_t)(colon - line))
        return px_fail(err, PX_E_INVALID, "multipart: malformed part header '%.60s'", line);
    *colon = '\0';
    char *value = colon + 1 + strspn(colon + 1, " \t");
    if (strcasecmp(line, "Content-Disposition") == 0) {
        if (*disposed)
            return px_fail(err, PX_E_INVALID, "multipart: a part has two Content-Dispositions");
        *disposed = true;
        return read_disposition(value, part, err);
    }
    if (strcasecmp(line, "Content-Transfer-Encoding") == 0 && strcasecmp(value, "binary") != 0 &&
        strcasecmp(value, "8bit") != 0 && strcasecmp(value, "7bit") != 0)
        return px_fail(
            err, PX_E_INVALID,
            "multipart: Content-Transfer-Encoding '%.40s' is not supported; send the bytes "
            "unencoded",
            value);
    return 0;
}

/* Reads the header lines up to the empty one; c->at ends at the first byte of data. */
static int read_headers(struct cursor *c, struct px_form_part *part, struct px_error *err)
{
    char line[PX_MAX_PART_HEADER + 1];
    size_t room = left(c) < PX_MAX_PART_HEADER ? left(c) : PX_MAX_PART_HEADER;
    const uint8_t *limit = c->at + room;
    bool disposed = false;

    for (;;) {
        const uint8_t *end = memmem(c->at, (size_t)(limit - c->at), "\r\n", 2);
        size_t n = !end ? sizeof line : (size_t)(end - c->at);
        if (n >= sizeof line)
            return px_fail(err, PX_E_INVALID,
                           "multipart: a part's header is cut off or over %d bytes",
                           PX_MAX_PART_HEADER);
        if (memchr(c->at, '\0', n) != NULL)
            return px_fail(err, PX_E_INVALID, "multipart: NUL byte in a part's header");
        memcpy(line, c->at, n);
        line[n] = '\0';
        c->at = end + 2;
        if (n == 0)
            break;
        int rc = read_header(line, part, &disposed, err);
        if (rc < 0)
            return rc;
    }
    return disposed ? 0
                    : px_fail(err, PX_E_INVALID, "multipart: a part has no Content-Disposition");
}

int px_multipart_parse(const uint8_t *body, size_t size, const char *boundary,
                       struct px_form_parts *parts, struct px_error *err)
{
    struct cursor c = {.at = body, .end = body + size};
    int kind;

    c.length = (size_t)snprintf(c.delimiter, sizeof c.delimiter, "\r\n--%s", boundary);
    parts->count = 0;
    kind = first_delimiter(&c);
    if (kind == 0)
        return px_fail(
            err, PX_E_INVALID,
            "multipart: the boundary '%s' of the Content-Type does not occur in the body",
            boundary);
    while (kind == 1) {
        struct px_form_part *part = &parts->at[parts->count];
        if (parts->count == PX_FORM_MAX_PARTS)
            return px_fail(err, PX_E_INVALID, "multipart: more than %d parts", PX_FORM_MAX_PARTS);
        *part = (struct px_form_part){0};
        int rc = read_headers(&c, part, err);
        if (rc < 0)
            return rc;
        const uint8_t *end = NULL;
        part->data = c.at;
        /* An empty part may end right at its header's line end. */
        c.at -= 2;
        kind = next_delimiter(&c, &end);
        if (kind == 0)
            return px_fail(err, PX_E_INVALID,
                           "multipart: the body ends inside part '%s': it was cut short",
                           part->name);
        part->size = end < part->data ? 0 : (size_t)(end - part->data);
        part->not_chosen = part->not_chosen && part->size == 0;
        parts->count++;
    }
    return 0;
}
