#ifndef SERVER_FRONT_UNIX_SOCKET_H
#define SERVER_FRONT_UNIX_SOCKET_H

/* A unix socket to listen on, in the file system. While one is open the file PATH.lock beside it is
 * locked, so that no other daemon takes its path, even before it listens. */

#include <stdint.h>
#include <sys/un.h>

#include "base/error.h"

enum { PX_UNIX_PATH_SIZE = sizeof((struct sockaddr_un *)0)->sun_path };

struct px_unix_socket {
    int lock; /* the descriptor of PATH.lock */
    char path[PX_UNIX_PATH_SIZE];
    uint64_t device, inode; /* of the socket's file */
};

/* Binds a socket to the path, without listening yet, and sets *fd. Its file gets the mode (0660:
 * owner and group may connect). A socket that is left of a process that has ended is replaced. IO
 * if another process listens there, something that is not a socket has the path, or the folder
 * cannot be written to. */
int px_unix_socket_open(struct px_unix_socket *unix_socket, const char *path, unsigned mode,
                        int *fd, struct px_error *err);

/* Removes the files, unless the path is another socket's by now; the descriptor is the caller's. */
void px_unix_socket_close(struct px_unix_socket *unix_socket);

#endif
