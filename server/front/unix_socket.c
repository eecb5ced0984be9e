#include "server/front/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_SUFFIX ".lock"

struct lock_path {
    char text[PX_UNIX_PATH_SIZE + sizeof LOCK_SUFFIX];
};

static struct lock_path lock_path(const char *path)
{
    struct lock_path lock;

    snprintf(lock.text, sizeof lock.text, "%s" LOCK_SUFFIX, path);
    return lock;
}

static int fail(const char *path, const char *reason, struct px_error *err)
{
    return px_fail(err, PX_E_IO, "cannot listen on unix:%s: %s", path, reason);
}

/* Whether the descriptor's file is the one of that path: a process that ended has perhaps removed
 * it between our opening and locking it. */
static bool is_at(int fd, const char *path)
{
    struct stat ours, there;

    return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

static int take_lock(struct px_unix_socket *unix_socket, struct px_error *err)
{
    const struct lock_path path = lock_path(unix_socket->path);

    for (;;) {
        int fd = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return fail(unix_socket->path, strerror(errno), err);
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            close(fd);
            return fail(unix_socket->path,
                        "another daemon has it; stop that one or choose another path", err);
        }
        if (is_at(fd, path.text)) {
            unix_socket->lock = fd;
            return 0;
        }
        close(fd);
    }
}

static void drop_lock(struct px_unix_socket *unix_socket)
{
    unlink(lock_path(unix_socket->path).text);
    close(unix_socket->lock);
    unix_socket->lock = -1;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

/* Whether a process listens there, of whatever program. */
static bool is_served(const char *path)
{
    const struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool served = fd >= 0 && (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ||
                              errno == EAGAIN);

    if (fd >= 0)
        close(fd);
    return served;
}

static int remove_stale(const char *path, struct px_error *err)
{
    struct stat status;

    if (lstat(path, &status) != 0)
        return errno == ENOENT ? 0 : fail(path, strerror(errno), err);
    if (!S_ISSOCK(status.st_mode))
        return fail(path, "there is something else that is not a socket; choose another path", err);
    if (is_served(path))
        return fail(path, "another process listens there; stop it or choose another path", err);
    return unlink(path) == 0 ? 0 : fail(path, strerror(errno), err);
}

/* The mask of the process keeps others from connecting before a chmod() could. */
static int bind_with_mode(int fd, const char *path, unsigned mode)
{
    const struct sockaddr_un address = address_of(path);
    mode_t before = umask(~mode & 0777);
    int rc = bind(fd, (const struct sockaddr *)&address, sizeof address);
    int reason = errno;

    umask(before);
    errno = reason;
    return rc;
}

static int bind_new(struct px_unix_socket *unix_socket, unsigned mode, int *fd,
                    struct px_error *err)
{
    struct stat status;
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (made < 0)
        return fail(unix_socket->path, strerror(errno), err);
    if (bind_with_mode(made, unix_socket->path, mode) != 0 ||
        stat(unix_socket->path, &status) != 0) {
        int rc = fail(unix_socket->path, strerror(errno), err);
        close(made);
        return rc;
    }
    unix_socket->device = (uint64_t)status.st_dev;
    unix_socket->inode = (uint64_t)status.st_ino;
    *fd = made;
    return 0;
}

int px_unix_socket_open(struct px_unix_socket *unix_socket, const char *path, unsigned mode,
                        int *fd, struct px_error *err)
{
    *unix_socket = (struct px_unix_socket){.lock = -1};
    snprintf(unix_socket->path, sizeof unix_socket->path, "%s", path);
    int rc = take_lock(unix_socket, err);

    if (rc < 0)
        return rc;
    rc = remove_stale(path, err);
    if (rc == 0)
        rc = bind_new(unix_socket, mode, fd, err);
    if (rc < 0)
        drop_lock(unix_socket);
    return rc;
}

void px_unix_socket_close(struct px_unix_socket *unix_socket)
{
    struct stat status;

    if (stat(unix_socket->path, &status) == 0 && (uint64_t)status.st_dev == unix_socket->device &&
        (uint64_t)status.st_ino == unix_socket->inode)
        unlink(unix_socket->path);
    drop_lock(unix_socket);
}
