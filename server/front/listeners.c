#include "server/front/listeners.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/front/address.h"

/* How often a free port is looked for that all addresses of a name have free. */
enum { PORT_TRIES = 16 };

static int open_bound(const struct addrinfo *at)
{
    const int on = 1;
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static in_port_t *port_of(struct sockaddr *address)
{
    return address->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)(void *)address)->sin6_port
                                          : &((struct sockaddr_in *)(void *)address)->sin_port;
}

static in_port_t bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;

    getsockname(fd, (struct sockaddr *)&address, &size);
    return *port_of((struct sockaddr *)&address);
}

/* The hosts file may name an address twice. */
static bool is_repeated(const struct addrinfo *list, const struct addrinfo *at)
{
    for (; list != at; list = list->ai_next)
        if (list->ai_addrlen == at->ai_addrlen &&
            memcmp(list->ai_addr, at->ai_addr, at->ai_addrlen) == 0)
            return true;
    return false;
}

/* Binds all addresses of one family, on the same port. Returns 0 or an errno, with what was bound
 * in *listeners; an address that this machine does not have is left out. */
static int bind_family(struct px_listeners *listeners, const struct addrinfo *list, int family,
                       in_port_t *port)
{
    for (const struct addrinfo *at = list; at; at = at->ai_next) {
        if (at->ai_family != family || is_repeated(list, at))
            continue;
        if (listeners->count == PX_LISTENERS_MAX)
            return EMFILE;
        *port_of(at->ai_addr) = *port;
        int fd = open_bound(at);
        if (fd >= 0) {
            listeners->fds[listeners->count++] = fd;
            *port = bound_port(fd);
        } else if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL) {
            return errno;
        }
    }
    return 0;
}

/* Binds all of the list; IPv4 first, so that it is printed first. Returns 0 or an errno. */
static int bind_all(struct px_listeners *listeners, const struct addrinfo *list, in_port_t port)
{
    size_t before = listeners->count;
    int reason = bind_family(listeners, list, AF_INET, &port);

    if (reason == 0)
        reason = bind_family(listeners, list, AF_INET6, &port);
    return reason == 0 && listeners->count == before ? EADDRNOTAVAIL : reason;
}

static void close_from(struct px_listeners *listeners, size_t first)
{
    while (listeners->count > first) {
        size_t last = --listeners->count;
        if (listeners->sockets[last].path[0] != '\0')
            px_unix_socket_close(&listeners->sockets[last]);
        listeners->sockets[last].path[0] = '\0';
        close(listeners->fds[last]);
    }
}

static int add_unix(struct px_listeners *listeners, const struct px_address *address,
                    struct px_error *err)
{
    size_t i = listeners->count;
    int rc = px_unix_socket_open(&listeners->sockets[i], address->path, address->mode,
                                 &listeners->fds[i], err);

    if (rc < 0)
        listeners->sockets[i].path[0] = '\0';
    else
        listeners->count++;
    return rc;
}

static int add(struct px_listeners *listeners, const char *text, struct px_error *err)
{
    struct px_address address;
    struct addrinfo *list;
    size_t before = listeners->count;
    int reason = EADDRINUSE;
    int rc = px_address_parse(text, &address, err);

    if (rc == 0 && address.path[0] != '\0')
        return add_unix(listeners, &address, err);
    if (rc == 0)
        rc = px_address_resolve(&address, AI_PASSIVE, &list, err);
    if (rc < 0)
        return rc;
    in_port_t port = *port_of(list->ai_addr);
    for (int i = 0; i < PORT_TRIES && reason == EADDRINUSE; i++) {
        close_from(listeners, before);
        reason = bind_all(listeners, list, port);
        if (port != 0)
            break;
    }
    freeaddrinfo(list);
    if (reason != 0)
        return px_fail(err, PX_E_IO, "cannot listen on %.100s: %s; choose another address", text,
                       strerror(reason));
    return 0;
}

int px_listeners_open(struct px_listeners *listeners, const struct px_option_list *addresses,
                      struct px_error *err)
{
    *listeners = (struct px_listeners){0};
    if (addresses->count == 0)
        return px_fail(err, PX_E_USAGE, "--listen is empty; give an ADDRESS:PORT");
    for (size_t i = 0; i < addresses->count; i++) {
        int rc = listeners->count == PX_LISTENERS_MAX
                     ? px_fail(err, PX_E_USAGE, "more than %d addresses", PX_LISTENERS_MAX)
                     : add(listeners, addresses->items[i], err);
        if (rc < 0) {
            px_listeners_close(listeners);
            return rc;
        }
    }
    return 0;
}

void px_listeners_close(struct px_listeners *listeners)
{
    close_from(listeners, 0);
}

static bool is_local(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;

    getsockname(fd, (struct sockaddr *)&address, &size);
    if (address.ss_family == AF_UNIX)
        return true;
    if (address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&address)->sin6_addr);
    return ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == 127;
}

bool px_listeners_are_local(const struct px_listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (!is_local(listeners->fds[i]))
            return false;
    return true;
}
