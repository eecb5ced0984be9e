#include "server/front/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFIX "unix:"

static int parse_unix(const char *text, struct px_address *address, struct px_error *err)
{
    static const char option[] = ",mode=";
    const char *path = text + strlen(PREFIX), *comma = strstr(path, option);
    size_t n = comma ? (size_t)(comma - path) : strlen(path);
    char *end = NULL;

    if (n == 0 || n >= sizeof address->path)
        return px_fail(err, PX_E_USAGE, "'%.150s': a unix socket's path has 1 to %zu bytes", text,
                       sizeof address->path - 1);
    if (comma) {
        const char *digits = comma + strlen(option);
        unsigned long mode = strtoul(digits, &end, 8);
        if (digits[0] < '0' || digits[0] > '7' || *end != '\0' || mode > 0777)
            return px_fail(err, PX_E_USAGE, "'%.150s': the mode is not octal, such as 0660", text);
        address->mode = (unsigned)mode;
    }
    memcpy(address->path, path, n);
    return 0;
}

int px_address_parse(const char *text, struct px_address *address, struct px_error *err)
{
    *address = (struct px_address){.mode = 0660};
    if (strncmp(text, PREFIX, strlen(PREFIX)) == 0)
        return parse_unix(text, address, err);
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t n = !colon ? 0 : (size_t)(colon - text);

    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        host++;
        n -= 2;
    } else if (!colon || memchr(text, ':', n) != NULL) {
        return px_fail(err, PX_E_USAGE,
                       "'%.100s' is not an address; use ADDRESS:PORT, for IPv6 [ADDRESS]:PORT, or "
                       "unix:PATH",
                       text);
    }
    char *end;
    long port = strtol(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port > 65535 ||
        n >= sizeof address->host)
        return px_fail(err, PX_E_USAGE, "'%.100s': the port is not a number from 0 to 65535", text);
    memcpy(address->host, host, n);
    address->host[n] = '\0';
    snprintf(address->port, sizeof address->port, "%u", (unsigned)port & 0xffffu);
    return 0;
}

int px_address_resolve(const struct px_address *address, int flags, struct addrinfo **list,
                       struct px_error *err)
{
    bool any = address->host[0] == '\0', local = strcasecmp(address->host, "localhost") == 0;
    /* Without a name and not passive, getaddrinfo() gives the loopback addresses. */
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV | (local ? 0 : flags),
                                   /* "" is every IPv4 address rather than a guess. */
                                   .ai_family = any ? AF_INET : AF_UNSPEC};
    int rc = getaddrinfo(any || local ? NULL : address->host, address->port, &hints, list);

    if (rc != 0)
        return px_fail(err, PX_E_IO, "cannot find the address '%.100s': %s", address->host,
                       gai_strerror(rc));
    return 0;
}

/* False if the descriptor is not a unix socket. */
static bool unix_url(int fd, char *url, size_t size)
{
    struct sockaddr_un address = {0};
    socklen_t length = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 || address.sun_family != AF_UNIX)
        return false;
    snprintf(url, size, PREFIX "%.*s", (int)sizeof address.sun_path, address.sun_path);
    return true;
}

int px_listen_url(int fd, char *url, size_t size, struct px_error *err)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    char host[64], port[8];

    if (unix_url(fd, url, size))
        return 0;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 ||
        getnameinfo((struct sockaddr *)&address, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return px_fail(err, PX_E_IO, "cannot find out the bound address: %s", strerror(errno));
    bool brackets = address.ss_family == AF_INET6;
    snprintf(url, size, "http://%s%s%s:%s", brackets ? "[" : "", host, brackets ? "]" : "", port);
    return 0;
}

static int connect_unix(const char *path, struct px_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int rc = px_fail(err, PX_E_IO, "cannot connect to unix:%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

int px_connect(const struct px_address *address, int seconds, struct px_error *err)
{
    const struct timeval limit = {.tv_sec = seconds};
    struct addrinfo *list;
    int fd = -1, reason = 0;

    if (address->path[0] != '\0')
        return connect_unix(address->path, err);
    int rc = px_address_resolve(address, 0, &list, err);

    if (rc < 0)
        return rc;
    for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            reason = errno;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0)
        return px_fail(err, PX_E_IO, "cannot connect to %s port %s: %s", address->host,
                       address->port, strerror(reason));
    return fd;
}
