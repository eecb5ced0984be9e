#ifndef SERVER_FRONT_ADMIN_H
#define SERVER_FRONT_ADMIN_H

/* Health and metrics on an address of their own (--admin-listen): answered by a thread of their own
 * and with a connection limit of their own, however busy the daemon is. Takes GET and HEAD of the
 * routes that monitors ask; they are neither logged nor counted in /metrics. */

#include "base/error.h"
#include "server/front/listeners.h"
#include "server/work/server.h"

struct px_admin;

/* Listens on bound sockets, which stay the caller's and must be open until px_admin_stop(); logs
 * their addresses. The server must be complete, and stay so. */
int px_admin_start(struct px_admin **out, struct px_server *server,
                   const struct px_listeners *listeners, struct px_error *err);
void px_admin_stop(struct px_admin *admin); /* accepts NULL */

#endif
