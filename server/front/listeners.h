#ifndef SERVER_FRONT_LISTENERS_H
#define SERVER_FRONT_LISTENERS_H

/* The sockets that the daemon listens on. Plain data once opened. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "config/options.h"
#include "server/front/unix_socket.h"

enum { PX_LISTENERS_MAX = 16 };

struct px_listeners {
    int fds[PX_LISTENERS_MAX];
    struct px_unix_socket sockets[PX_LISTENERS_MAX]; /* path "": not a unix socket of ours */
    size_t count;
    bool inherited; /* from a service manager, which has them too and goes on listening */
};

/* Binds every address of the list, which shows at once whether they are free, without
 * listening yet: connections are refused until listen() is called. A name stands for all its
 * addresses (both loopback ones for localhost), which get the same port; those of a family that the
 * machine does not have are left out. USAGE for what is not an address or too many of them; IO
 * names the address that cannot be had and the remedy. On failure nothing is left open. */
int px_listeners_open(struct px_listeners *listeners, const struct px_option_list *addresses,
                      struct px_error *err);
void px_listeners_close(struct px_listeners *listeners); /* accepts zeroed ones */

/* Whether only this machine can connect: every address is a loopback one or a unix socket. */
bool px_listeners_are_local(const struct px_listeners *listeners);

#endif
