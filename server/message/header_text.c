#include "server/message/header_text.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

size_t px_header_token_length(const char *text)
{
    size_t n = 0;

    while (is_token(text[n]))
        n++;
    return n;
}

const char *px_header_skip_space(const char *text)
{
    return text + strspn(text, " \t");
}

/* Whether a quoted value can end before `s`: nothing, or another parameter, follows. */
static bool ends_value(const char *s)
{
    s = px_header_skip_space(s);
    if (*s == '\0')
        return true;
    if (*s != ';')
        return false;
    s = px_header_skip_space(s + 1);
    return *s == '\0' || *s == ';' || s[px_header_token_length(s)] == '=';
}

/* `s` is behind the opening quote. Returns the closing one, or NULL. */
static const char *closing_quote(const char *s)
{
    for (s = strchr(s, '"'); s; s = strchr(s + 1, '"'))
        if (ends_value(s + 1))
            return s;
    return NULL;
}

static const char *read_value(const char *s, struct px_header_parameter *out)
{
    out->quoted = *s == '"';
    const char *start = out->quoted ? s + 1 : s;
    const char *end = out->quoted ? closing_quote(start) : s + strcspn(s, ";");

    if (!end)
        return NULL;
    const char *next = out->quoted ? end + 1 : end;
    while (!out->quoted && end > start && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    out->value = (struct px_span){(const uint8_t *)start, (size_t)(end - start)};
    return out->quoted || end > start ? next : NULL;
}

int px_header_parameter_next(const char **at, struct px_header_parameter *out, struct px_error *err)
{
    const char *s = px_header_skip_space(*at);

    while (*s == ';')
        s = px_header_skip_space(s + 1);
    *at = s;
    if (*s == '\0')
        return 0;
    size_t n = px_header_token_length(s);
    if (n == 0 || s[n] != '=')
        return px_fail(err, PX_E_INVALID, "malformed header parameter at '%.40s'", s);
    out->name = (struct px_span){(const uint8_t *)s, n};
    const char *next = read_value(s + n + 1, out);
    if (!next)
        return px_fail(err, PX_E_INVALID,
                       "the value of header parameter '%.*s' is missing or its quotes are not "
                       "closed",
                       n > 40 ? 40 : (int)n, s);
    assert(next > s);
    *at = px_header_skip_space(next);
    return 1;
}

bool px_header_parameter_is(const struct px_header_parameter *parameter, const char *name)
{
    return strlen(name) == parameter->name.size &&
           strncasecmp((const char *)parameter->name.data, name, parameter->name.size) == 0;
}

bool px_header_parameter_copy(const struct px_header_parameter *parameter, char *out, size_t size)
{
    const uint8_t *s = parameter->value.data, *end = s + parameter->value.size;
    size_t n = 0;

    assert(size > 0);
    while (s < end && n + 1 < size) {
        if (parameter->quoted && *s == '\\' && end - s > 1 && (s[1] == '"' || s[1] == '\\'))
            s++;
        out[n++] = (char)*s++;
    }
    out[n] = '\0';
    return s == end;
}
