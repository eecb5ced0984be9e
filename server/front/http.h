#ifndef SERVER_FRONT_HTTP_H
#define SERVER_FRONT_HTTP_H

/* The HTTP side on libmicrohttpd: its pool of epoll threads reads requests, hands translations to
 * the queue and suspends their connections until the reply is ready. Its threads never decode,
 * infer or wait. */

#include "base/error.h"
#include "server/front/listeners.h"
#include "server/work/server.h"

struct px_http;

/* Listens on bound sockets, which stay the caller's and must be open until px_http_stop(). */
int px_http_start(struct px_http **out, struct px_server *server,
                  const struct px_listeners *listeners, struct px_error *err);

/* Reads --api-keys again; on failure the keys stay as they were. */
int px_http_reload_keys(struct px_http *http, struct px_error *err);

/* Requests whose answer has not been sent completely. */
int px_http_active(const struct px_http *http);

/* Closes connections whose clients are too slow over a request or its answer (--request-timeout,
 * --min-rate) or gone. Call it a few times a second, from one thread. */
void px_http_end_slow(struct px_http *http);

/* From now on the kernel refuses new connections, or keeps them for the next process if the sockets
 * are inherited; open ones go on. */
void px_http_close_door(struct px_http *http);

/* Closes every connection and ends the threads. No connection may be suspended any more: every job
 * that was submitted must be done. Accepts NULL. */
void px_http_stop(struct px_http *http);

#endif
