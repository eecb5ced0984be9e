/* Replaces two functions of the C library in the daemon, for libmicrohttpd 0.9.75.
 *
 * epoll_ctl(): when the daemon stops, both libmicrohttpd's thread and MHD_quiesce_daemon(), on
 * ours, remove the listening socket from the epoll set. Whichever comes second finds it gone, and
 * in one of three places libmicrohttpd then ends the process: seen in 5 of 2,000 stops under load.
 * So here it succeeds.
 *
 * epoll_wait(): libmicrohttpd takes 128 events at a time and, after a full batch, waits for the
 * next one as long as its connections may be idle, 75 s, before it does anything about the first.
 * If exactly 128 connections had news and nothing else happens, they hang. So here a thread that
 * has just got a full batch does not wait. */

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local bool got_full_batch;

int epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
    int rc = (int)syscall(SYS_epoll_ctl, set, operation, fd, event);

    return rc < 0 && operation == EPOLL_CTL_DEL && errno == ENOENT ? 0 : rc;
}

int epoll_wait(int set, struct epoll_event *events, int most, int timeout_ms)
{
    int rc = (int)syscall(SYS_epoll_wait, set, events, most, got_full_batch ? 0 : timeout_ms);

    got_full_batch = rc == most;
    return rc;
}
