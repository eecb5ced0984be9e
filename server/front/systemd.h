#ifndef SERVER_FRONT_SYSTEMD_H
#define SERVER_FRONT_SYSTEMD_H

/* What a service manager offers through the environment, by the protocols of sd_notify(3) and
 * sd_listen_fds(3), without their library: to be told how the daemon is, and sockets that are
 * already open. Without a service manager everything here does nothing. For the main thread. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "server/front/listeners.h"

struct px_systemd {
    int fd;              /* connected to NOTIFY_SOCKET; -1: there is no manager to notify */
    int64_t watchdog_ns; /* between two signs of life, half of WATCHDOG_USEC; 0: none wanted */
    int64_t watchdog_due;
    bool reloading;
};

/* Reads the environment. An address that cannot be used gets a warning. */
void px_systemd_init(struct px_systemd *systemd);
void px_systemd_clear(struct px_systemd *systemd); /* accepts a cleared one */

void px_systemd_ready(struct px_systemd *systemd); /* also the end of reloading */
void px_systemd_reloading(struct px_systemd *systemd);
void px_systemd_stopping(struct px_systemd *systemd);

/* A sign of life, if one is due. Call it a few times a second, only while the daemon is well. */
void px_systemd_watchdog(struct px_systemd *systemd);

/* The sockets of LISTEN_FDS, if LISTEN_PID is this process; otherwise none. Those that are named
 * "admin" (FileDescriptorName=) are for the admin address. IO names a descriptor that is not a
 * listening stream socket; USAGE: too many. */
int px_systemd_listeners(struct px_listeners *listeners, struct px_listeners *admin,
                         struct px_error *err);

#endif
