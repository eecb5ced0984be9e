#ifndef SERVER_DAEMON_H
#define SERVER_DAEMON_H

/* The life of the daemon: load, listen, serve until a signal, stop. */

#include "base/error.h"
#include "server/settings/settings.h"

/* Serves until SIGTERM or SIGINT; prints http://ADDRESS:PORT on standard output once it listens.
 * Sockets of a service manager (server/front/systemd.h) take the place of --listen, and it is
 * notified when the daemon is ready, reloads its models and stops, and that no worker hangs.
 *
 * Stopping: /readyz answers 503 at once, and everything is still served, with "Connection: close",
 * for --drain-delay seconds or until a second signal. Then the port is closed, and what is under
 * way has --stop-timeout seconds or until another signal; what still waits then is answered with
 * 503, and the batch that runs is finished, for which it has five seconds before the process exits
 * without it, with status 1. A signal before it listens ends the process at once, with status 0.
 * Changes the process's signal mask and dispositions and its limit of open files. */
int px_daemon_run(const struct px_server_settings *settings, struct px_error *err);

/* --check-config: loads the models and nothing else. */
int px_daemon_check(const struct px_server_settings *settings, struct px_error *err);

#endif
