#ifndef SERVER_FRONT_CLIENT_H
#define SERVER_FRONT_CLIENT_H

/* Which client a request comes from, for its fair share of the daemon. */

#include <stdint.h>

#include "server/front/proxies.h"

/* A number for the client of that key's name or, if that is "", of that address: of the whole IPv4
 * address, of the first 64 bits of an IPv6 one, which one host may choose the rest of. All clients
 * of unix sockets are one. Hashed with a secret of this process, so that nobody can choose an
 * address that shares another one's number. Any thread. */
uint64_t px_client_key(const struct px_client_address *address, const char *name);

#endif
