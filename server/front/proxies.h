#ifndef SERVER_FRONT_PROXIES_H
#define SERVER_FRONT_PROXIES_H

/* The proxies that are trusted to name their clients (--trusted-proxy), and the client of a
 * request. Plain data; any thread may read it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

#include "base/error.h"
#include "config/options.h"

enum { PX_PROXIES_MAX = 64, PX_CLIENT_TEXT_SIZE = 46 };

struct px_proxies {
    struct px_proxy_range {
        uint8_t bytes[16]; /* IPv6; IPv4 addresses are mapped (::ffff:0:0/96) */
        unsigned bits;     /* that count, 0 to 128 */
    } ranges[PX_PROXIES_MAX];
    size_t count;
    bool unix_sockets; /* whoever connects to one */
};

/* USAGE for an item that is not ADDRESS, ADDRESS/BITS or "unix", or if there are too many. */
int px_proxies_parse(struct px_proxies *proxies, const struct px_option_list *list,
                     struct px_error *err);

struct px_client_address {
    uint8_t bytes[16]; /* of the client, as in a range; all zero if it is not known */
    char client[PX_CLIENT_TEXT_SIZE]; /* "" if it is not known */
    char proxy[PX_CLIENT_TEXT_SIZE];  /* which named the client; "": none */
};

/* The other end of the connection or, if that is a trusted proxy, the last address of
 * X-Forwarded-For that is not one: what stands before it is the client's own claim. Items before
 * one that is not an address are ignored. Call it from the connection's thread, in its handler.
 */
void px_client_address_find(const struct px_proxies *proxies, struct MHD_Connection *connection,
                            struct px_client_address *found);

bool px_client_is_ipv4(const struct px_client_address *address);

#endif
