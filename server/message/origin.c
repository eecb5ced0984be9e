#include "server/message/origin.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX = 255 };

static const char *const ALLOWED =
    "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]"; /* of a host and port in lower case */

/* The part behind "scheme://", or NULL. */
static const char *authority_of(const char *origin)
{
    const char *colon = strstr(origin, "://");

    return colon && colon != origin ? colon + 3 : NULL;
}

static int check_origin(const char *text, size_t count, struct px_error *err)
{
    const char *authority = authority_of(text);

    if (strcmp(text, "*") == 0)
        return count == 1
                   ? 0
                   : px_fail(err, PX_E_USAGE, "--allow-origin *: give no other origins beside it");
    if (!authority || *authority == '\0' || strspn(authority, ALLOWED) != strlen(authority) ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != (size_t)(authority - text) - 3)
        return px_fail(err, PX_E_USAGE,
                       "--allow-origin '%.100s' is not an origin; give SCHEME://HOST or "
                       "SCHEME://HOST:PORT in lower case, without a path",
                       text);
    return 0;
}

int px_origin_check_options(const struct px_option_list *origins,
                            const struct px_option_list *hosts, struct px_error *err)
{
    for (size_t i = 0; i < origins->count; i++) {
        int rc = check_origin(origins->items[i], origins->count, err);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < hosts->count; i++) {
        const char *host = hosts->items[i];
        size_t n = strlen(host);
        if (n == 0 || n > HOST_MAX || strpbrk(host, "/:@ ") != NULL)
            return px_fail(err, PX_E_USAGE,
                           "--allow-host '%.100s' is not a host name; give NAME without scheme and "
                           "port",
                           host);
    }
    return 0;
}

/* The length of a host and port without the port that the scheme implies. */
static size_t trimmed_length(const char *authority)
{
    size_t n = strlen(authority);

    if (n > 3 && strcmp(authority + n - 3, ":80") == 0)
        return n - 3;
    if (n > 4 && strcmp(authority + n - 4, ":443") == 0)
        return n - 4;
    return n;
}

static bool is_own(const char *origin, const char *host)
{
    const char *authority = authority_of(origin);

    if (!authority || !host)
        return false;
    size_t n = trimmed_length(authority);
    return n == trimmed_length(host) && strncasecmp(authority, host, n) == 0;
}

struct px_cross_origin px_origin_judge(const struct px_option_list *origins, const char *origin,
                                       const char *host)
{
    struct px_cross_origin judged = {.varies = origins->count > 0};

    if (!origin)
        return judged;
    for (size_t i = 0; i < origins->count; i++) {
        if (strcmp(origins->items[i], "*") == 0)
            judged.allowed = "*";
        else if (strcmp(origins->items[i], origin) == 0)
            judged.allowed = origins->items[i];
    }
    judged.foreign = !judged.allowed && !is_own(origin, host);
    return judged;
}

static bool is_address(const char *name)
{
    uint8_t address[sizeof(struct in6_addr)];
    char inner[INET6_ADDRSTRLEN];
    size_t n = strlen(name);

    if (name[0] != '[')
        return inet_pton(AF_INET, name, address) == 1;
    if (name[n - 1] != ']' || n - 2 >= sizeof inner)
        return false;
    snprintf(inner, sizeof inner, "%.*s", (int)(n - 2), name + 1);
    return inet_pton(AF_INET6, inner, address) == 1;
}

bool px_origin_is_host(const struct px_option_list *hosts, const char *host)
{
    char name[HOST_MAX + 1];

    if (!host)
        return true; /* browsers always send it */
    const char *colon = strrchr(host, ':');
    size_t n = colon && !strchr(colon, ']') ? (size_t)(colon - host) : strlen(host);
    if (n == 0 || n > HOST_MAX)
        return false;
    memcpy(name, host, n);
    name[n] = '\0';
    for (size_t i = 0; i < hosts->count; i++)
        if (strcmp(hosts->items[i], "*") == 0 || strcasecmp(hosts->items[i], name) == 0)
            return true;
    return strcasecmp(name, "localhost") == 0 || is_address(name);
}
