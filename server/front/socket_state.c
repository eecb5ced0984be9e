#include "server/front/socket_state.h"

#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Not <netinet/tcp.h>, whose struct tcp_info ends before the counters. */
#include <linux/tcp.h>

bool px_socket_count(int fd, struct px_socket_bytes *bytes)
{
    const size_t needed = offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(uint64_t);
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || size < needed)
        return false;
    *bytes = (struct px_socket_bytes){.received = info.tcpi_bytes_received,
                                      .taken = info.tcpi_bytes_acked};
    return true;
}

int px_socket_unread(int fd)
{
    int n;

    return ioctl(fd, FIONREAD, &n) == 0 ? n : -1;
}
