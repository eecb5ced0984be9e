/* Replaces the C library's epoll_ctl() in the daemon, for libmicrohttpd. When the daemon stops,
 * both libmicrohttpd's thread and MHD_quiesce_daemon(), on ours, remove the listening socket from
 * the epoll set. Whichever comes second finds it gone, and in one of three places version 0.9.75
 * then ends the process: seen in 5 of 2,000 stops under load. So here it succeeds. */

#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

int epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
    int rc = (int)syscall(SYS_epoll_ctl, set, operation, fd, event);

    return rc < 0 && operation == EPOLL_CTL_DEL && errno == ENOENT ? 0 : rc;
}
