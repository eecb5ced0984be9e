/* libmicrohttpd's epoll_ctl() in the daemon, which a program may replace. At the end its thread and
 * MHD_quiesce_daemon(), on ours, both take the listening socket out of the epoll set. In 0.9.75,
 * in one of three places, it ends the process if the other was first and the socket is not
 * there any more: seen in 5 of 2,000 stops under load. So here that is no failure. */

#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

int epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
    int rc = (int)syscall(SYS_epoll_ctl, set, operation, fd, event);

    return rc < 0 && operation == EPOLL_CTL_DEL && errno == ENOENT ? 0 : rc;
}
