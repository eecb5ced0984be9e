#ifndef SERVER_FRONT_ADDRESS_H
#define SERVER_FRONT_ADDRESS_H

/* Addresses: "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" (every IPv4 address), and
 * unix sockets: "unix:/run/pix2pixd.sock", perhaps with ",mode=0666" behind it. */

#include <netdb.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "server/front/unix_socket.h"

struct px_address {
    char host[256];
    char port[6];
    char path[PX_UNIX_PATH_SIZE]; /* of a unix socket, without host and port; "": it is none */
    unsigned mode;                /* of a unix socket */
};

/* USAGE if the text is neither ADDRESS:PORT nor unix:PATH. */
int px_address_parse(const char *text, struct px_address *address, struct px_error *err);

/* What an address that is not a unix socket means, for TCP; `flags` as in struct addrinfo. IO if
 * its name is not known. The caller frees the list with freeaddrinfo(). "localhost" is both
 * loopback addresses, whatever the hosts file says. */
int px_address_resolve(const struct px_address *address, int flags, struct addrinfo **list,
                       struct px_error *err);

/* "http://127.0.0.1:8080" or "unix:/path" for a bound descriptor. */
int px_listen_url(int fd, char *url, size_t size, struct px_error *err);

/* A connected socket with a time limit on every step (0: none), or IO. */
int px_connect(const struct px_address *address, int seconds, struct px_error *err);

#endif
