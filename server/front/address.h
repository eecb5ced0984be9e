#ifndef SERVER_FRONT_ADDRESS_H
#define SERVER_FRONT_ADDRESS_H

/* Addresses: "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" (every IPv4 address). */

#include <netdb.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct px_address {
    char host[256];
    char port[6];
};

/* USAGE if the text is not an ADDRESS:PORT. */
int px_address_parse(const char *text, struct px_address *address, struct px_error *err);

/* What the address means, for TCP; `flags` as in struct addrinfo. IO if its name is not known. The
 * caller frees the list with freeaddrinfo(). "localhost" is both loopback addresses, whatever the
 * hosts file says. */
int px_address_resolve(const struct px_address *address, int flags, struct addrinfo **list,
                       struct px_error *err);

/* "http://127.0.0.1:8080" for a bound descriptor. */
int px_listen_url(int fd, char *url, size_t size, struct px_error *err);

/* A connected socket with a time limit on every step, or IO. */
int px_connect(const struct px_address *address, int seconds, struct px_error *err);

#endif
