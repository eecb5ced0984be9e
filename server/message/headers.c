#include "server/message/headers.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "server/message/header_text.h"

struct check {
    struct px_error *err;
    int rc;
    bool length, coding, host; /* seen */
};

static bool has_control(const char *value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 127)
            return true;
    return false;
}

/* Notes one of the headers that may come once. */
static int once(const char *name, bool *seen, struct px_error *err)
{
    if (*seen)
        return px_fail(err, PX_E_INVALID, "the header %s comes twice; send it once", name);
    *seen = true;
    return 0;
}

/* libmicrohttpd 0.9 appends a folded line to the name of its header, so that "Content-Length:" and
 * " 36" become "Content-Length36", which counts as no length here but does for others. */
static bool is_folded(const char *name)
{
    static const char *const names[] = {"Content-Length", "Transfer-Encoding", "Host"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]);
        if (strncasecmp(name, names[i], n) == 0 && name[n] != '\0')
            return true;
    }
    return false;
}

static int look(struct check *check, const char *name, const char *value)
{
    if (strcasecmp(name, "Host") == 0)
        return once("Host", &check->host, check->err);
    if (strcasecmp(name, "Content-Length") == 0)
        return once("Content-Length", &check->length, check->err);
    if (strcasecmp(name, "Transfer-Encoding") != 0)
        return 0;
    if (strcasecmp(value, "chunked") != 0)
        return px_fail(
            check->err, PX_E_INVALID,
            "Transfer-Encoding '%.40s' is not supported; send the body unencoded, or chunked",
            value);
    return once("Transfer-Encoding", &check->coding, check->err);
}

static enum MHD_Result on_header(void *closure, enum MHD_ValueKind kind, const char *name,
                                 size_t name_size, const char *value, size_t value_size)
{
    struct check *check = closure;

    (void)kind;
    if (name_size == 0 || px_header_token_length(name) != name_size)
        check->rc = px_fail(check->err, PX_E_INVALID, "a header's name is not a token");
    else if (is_folded(name))
        check->rc = px_fail(check->err, PX_E_INVALID,
                            "the header %.40s is not supported: its value may have been folded "
                            "over two lines",
                            name);
    else if (value && has_control(value, value_size))
        check->rc = px_fail(check->err, PX_E_INVALID,
                            "the header %.40s has a control character in its value", name);
    else
        check->rc = look(check, name, !value ? "" : value);
    return check->rc == 0 ? MHD_YES : MHD_NO;
}

int px_headers_check(struct MHD_Connection *connection, const char *version, struct px_error *err)
{
    struct check check = {.err = err};

    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, on_header, &check);
    if (check.rc < 0)
        return check.rc;
    if (check.coding && check.length)
        return px_fail(err, PX_E_INVALID,
                       "Content-Length and Transfer-Encoding contradict each other; send one");
    if (check.coding && strcmp(version, "HTTP/1.0") == 0)
        return px_fail(err, PX_E_INVALID, "HTTP/1.0 has no Transfer-Encoding; send the length");
    return 0;
}
