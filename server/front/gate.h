#ifndef SERVER_FRONT_GATE_H
#define SERVER_FRONT_GATE_H

/* Who may use the daemon: hosts and origins (server/message/origin.h), keys (--api-keys), and how
 * often (--rate-limit). What a gate points to must outlive it. Any thread; what looks at headers
 * belongs to the connection's thread, in its handler. */

#include <microhttpd.h>

#include "server/front/api_keys.h"
#include "server/front/proxies.h"
#include "server/front/rate_limit.h"
#include "server/front/routes.h"
#include "server/settings/settings.h"

struct px_gate {
    const struct px_server_settings *settings;
    bool check_host;             /* refuse foreign Host headers */
    struct px_api_keys *keys;    /* NULL: none are needed */
    struct px_rate_limit *rates; /* NULL: there is no limit */
};

/* Reads the keys. USAGE for a rate that is not one; failures of px_api_keys_create(). On failure
 * there is nothing to clear. */
int px_gate_init(struct px_gate *gate, const struct px_server_settings *settings, bool check_host,
                 struct px_error *err);
void px_gate_clear(struct px_gate *gate); /* accepts a zeroed one */

/* Whether the Host header names this machine, for what does not come through a unix socket.
 * FORBIDDEN. */
int px_gate_check_host(const struct px_gate *gate, struct MHD_Connection *connection,
                       struct px_error *err);

/* What is known of the client that was let in. */
struct px_pass {
    char key[PX_API_KEY_NAME_SIZE]; /* the name of its key; "": none was needed */
    uint64_t client;                /* px_client_key() of the key or, without one, the address */
    struct px_rate_state rate;      /* limit 0: there is none */
};

/* Whether the client may use the route: never asks for keys for health checks and the page's own
 * files, and counts pictures only. UNAUTHORISED, or LIMITED. */
int px_gate_check_client(const struct px_gate *gate, struct MHD_Connection *connection,
                         const struct px_route_entry *route,
                         const struct px_client_address *address, struct px_pass *pass,
                         struct px_error *err);

#endif
