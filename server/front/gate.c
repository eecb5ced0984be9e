#include "server/front/gate.h"

#include <sys/socket.h>

#include "base/clock.h"
#include "server/front/client.h"
#include "server/message/origin.h"

int px_gate_init(struct px_gate *gate, const struct px_server_settings *settings, bool check_host,
                 struct px_error *err)
{
    struct px_rate rate;
    int rc = px_rate_parse(settings->rate_limit, &rate, err);

    *gate = (struct px_gate){.settings = settings, .check_host = check_host};
    if (rc == 0 && settings->api_keys)
        rc = px_api_keys_create(&gate->keys, settings->api_keys, err);
    if (rc == 0 && rate.count > 0)
        rc = px_rate_limit_create(&gate->rates, &rate, err);
    if (rc < 0)
        px_gate_clear(gate);
    return rc;
}

void px_gate_clear(struct px_gate *gate)
{
    px_api_keys_destroy(gate->keys);
    px_rate_limit_destroy(gate->rates);
    *gate = (struct px_gate){0};
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* No browser connects to a unix socket, but proxies do, with the name of the site. */
static bool is_unix(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int domain = 0;
    socklen_t size = sizeof domain;

    return info && getsockopt(info->connect_fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
           domain == AF_UNIX;
}

int px_gate_check_host(const struct px_gate *gate, struct MHD_Connection *connection,
                       struct px_error *err)
{
    const char *host = header(connection, "Host");

    if (!gate->check_host || is_unix(connection) ||
        px_origin_is_host(&gate->settings->allow_host, host))
        return 0;
    return px_fail(err, PX_E_FORBIDDEN,
                   "the Host '%.100s' is not this machine; if it is meant to be, start the "
                   "daemon with --allow-host %.100s",
                   host, host);
}

int px_gate_check_client(const struct px_gate *gate, struct MHD_Connection *connection,
                         const struct px_route_entry *route,
                         const struct px_client_address *address, struct px_pass *pass,
                         struct px_error *err)
{
    *pass = (struct px_pass){.key = ""};
    if (gate->keys && !px_route_is_public(route)) {
        int rc = px_api_keys_check(gate->keys, header(connection, "Authorization"), pass->key, err);
        if (rc < 0)
            return rc;
    }
    pass->client = px_client_key(address, pass->key);
    if (!gate->rates || !px_route_takes_picture(route))
        return 0;
    pass->rate = px_rate_limit_take(gate->rates, pass->client, px_now_ns());
    if (pass->rate.allowed)
        return 0;
    return px_fail(err, PX_E_LIMITED, "more than %s pictures from this %s; try again in %d s",
                   gate->settings->rate_limit, pass->key[0] ? "key" : "address", pass->rate.retry);
}
