#ifndef SERVER_FRONT_CLIENT_H
#define SERVER_FRONT_CLIENT_H

/* Which client a request comes from, for its fair share of the daemon. */

#include <stdint.h>

#include <microhttpd.h>

/* A key of the client's address: of the whole IPv4 address, of the first 64 bits of an IPv6 one,
 * which one host may choose the rest of. Hashed with a secret of this process, so that nobody can
 * choose an address that shares another one's key. Any thread. */
uint64_t px_client_key(struct MHD_Connection *connection);

#endif
