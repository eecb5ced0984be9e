#ifndef SERVER_FRONT_HEALTH_H
#define SERVER_FRONT_HEALTH_H

/* `pix2pixd --health [URL]`: the smallest HTTP client that serves a container's health check. */

#include "base/error.h"

/* Asks `url` ("http://HOST:PORT[/PATH]", by default /readyz, or "unix:PATH"), or, if that is NULL,
 * the daemon that would listen on `listen`. 0 for an answer of 200; IO with the reason otherwise;
 * USAGE if the URL is malformed. After three seconds, whatever it waits for, it ends the process
 * with a message and status 1. */
int px_health(const char *url, const char *listen, struct px_error *err);

#endif
