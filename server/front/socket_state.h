#ifndef SERVER_FRONT_SOCKET_STATE_H
#define SERVER_FRONT_SOCKET_STATE_H

/* What the kernel knows about a TCP connection. Any thread. */

#include <stdbool.h>
#include <stdint.h>

struct px_socket_bytes {
    uint64_t received; /* from the client since the connection was made */
    uint64_t taken;    /* by the client: acknowledged, not merely sent */
};

/* False if the kernel does not say. */
bool px_socket_count(int fd, struct px_socket_bytes *bytes);

/* Bytes that arrived and were not read yet; -1 if the kernel does not say. */
int px_socket_unread(int fd);

#endif
