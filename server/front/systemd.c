#include "server/front/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { FIRST_LISTENER = 3 };

/* A positive number in the environment; 0 if it is absent or anything else. */
static int64_t number(const char *name)
{
    const char *text = getenv(name);
    char *end;

    if (!text || text[0] < '0' || text[0] > '9')
        return 0;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0 ? value : 0;
}

/* The size of the address, or 0 if the text is not one. */
static socklen_t read_address(const char *text, struct sockaddr_un *address)
{
    size_t n = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || n >= sizeof address->sun_path)
        return 0;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, text, n);
    if (text[0] == '@')
        address->sun_path[0] = '\0'; /* an abstract address, which has its length */
    else
        n++;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

void px_systemd_init(struct px_systemd *systemd)
{
    const struct timeval limit = {.tv_sec = 1};
    const char *text = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;

    *systemd = (struct px_systemd){.fd = -1};
    if (!text || text[0] == '\0')
        return;
    socklen_t size = read_address(text, &address);
    if (size == 0) {
        px_log_warning("NOTIFY_SOCKET '%.100s' is not the address of a unix socket", text);
        return;
    }
    systemd->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (systemd->fd < 0) {
        px_log_warning("the service manager cannot be notified: %s", strerror(errno));
        return;
    }
    setsockopt(systemd->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(systemd->fd, (const struct sockaddr *)&address, size) != 0) {
        px_log_warning("the service manager cannot be notified at %s: %s", text, strerror(errno));
        px_systemd_clear(systemd);
        return;
    }
    int64_t pid = number("WATCHDOG_PID"), microseconds = number("WATCHDOG_USEC");
    if ((pid == 0 || pid == getpid()) && microseconds < INT64_MAX / 500)
        systemd->watchdog_ns = microseconds * 500;
}

void px_systemd_clear(struct px_systemd *systemd)
{
    if (systemd->fd >= 0)
        close(systemd->fd);
    systemd->fd = -1;
}

static void notify(const struct px_systemd *systemd, const char *state)
{
    if (systemd->fd >= 0 && send(systemd->fd, state, strlen(state), MSG_NOSIGNAL) < 0)
        px_log_warning("the service manager cannot be notified of %s: %s", state, strerror(errno));
}

void px_systemd_ready(struct px_systemd *systemd)
{
    systemd->reloading = false;
    notify(systemd, "READY=1");
}

void px_systemd_reloading(struct px_systemd *systemd)
{
    char state[80];

    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, px_now_ns() / 1000);
    systemd->reloading = true;
    notify(systemd, state);
}

void px_systemd_stopping(struct px_systemd *systemd)
{
    systemd->reloading = false;
    notify(systemd, "STOPPING=1");
}

void px_systemd_watchdog(struct px_systemd *systemd)
{
    int64_t now = px_now_ns();

    if (systemd->watchdog_ns == 0 || now < systemd->watchdog_due)
        return;
    systemd->watchdog_due = now + systemd->watchdog_ns;
    notify(systemd, "WATCHDOG=1");
}

static int option(int fd, int name)
{
    int value = 0;
    socklen_t size = sizeof value;

    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

static bool is_listener(int fd)
{
    int domain = option(fd, SO_DOMAIN);

    return option(fd, SO_ACCEPTCONN) == 1 && option(fd, SO_TYPE) == SOCK_STREAM &&
           (domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX);
}

/* Whether name `index` of LISTEN_FDNAMES, which colons separate, is that of the admin address. */
static bool is_admin(size_t index)
{
    const char *name = getenv("LISTEN_FDNAMES");

    for (; name && index > 0; index--) {
        name = strchr(name, ':');
        name += name ? 1 : 0;
    }
    return name && strcspn(name, ":") == 5 && strncmp(name, "admin", 5) == 0;
}

int px_systemd_listeners(struct px_listeners *listeners, struct px_listeners *admin,
                         struct px_error *err)
{
    int64_t count = number("LISTEN_PID") == getpid() ? number("LISTEN_FDS") : 0;

    *listeners = *admin = (struct px_listeners){.inherited = count > 0};
    if (count > PX_LISTENERS_MAX)
        return px_fail(err, PX_E_USAGE, "LISTEN_FDS is %" PRId64 "; at most %d sockets are taken",
                       count, PX_LISTENERS_MAX);
    for (int fd = FIRST_LISTENER; fd < FIRST_LISTENER + (int)count; fd++) {
        if (!is_listener(fd))
            return px_fail(err, PX_E_IO,
                           "descriptor %d of LISTEN_FDS is not a listening stream socket; in the "
                           "socket unit, use ListenStream=ADDRESS:PORT or ListenStream=/PATH",
                           fd);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        struct px_listeners *to = is_admin((size_t)(fd - FIRST_LISTENER)) ? admin : listeners;
        to->fds[to->count++] = fd;
    }
    return 0;
}
