#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buffer.h"

static int read_all(int fd, uint8_t *data, size_t size, const char *path, struct px_error *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return px_fail(err, PX_E_IO, "%s: cannot read: %s", path, strerror(errno));
        if (n == 0)
            return px_fail(err, PX_E_IO, "%s: became shorter while being read", path);
        done += (size_t)n;
    }
    return 0;
}

/* What a file that is not a regular one is, in words. */
static const char *kind_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "is a folder";
    case S_IFIFO:
        return "is a named pipe";
    case S_IFCHR:
    case S_IFBLK:
        return "is a device";
    default:
        return "is of an unusual kind";
    }
}

int px_file_open_regular(const char *path, int *fd, struct stat *st, struct px_error *err)
{
    /* O_NONBLOCK: opening a named pipe would wait for its writer, and a terminal or a tape for
     * worse. It means nothing to regular files. */
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (opened < 0)
        return px_fail(err, errno == ENOENT ? PX_E_NOT_FOUND : PX_E_IO, "%s: cannot open: %s", path,
                       errno == ENXIO ? "it is a socket or a missing device" : strerror(errno));
    int rc = 0;
    if (fstat(opened, st) != 0)
        rc = px_fail(err, PX_E_IO, "%s: cannot look at it: %s", path, strerror(errno));
    else if (!S_ISREG(st->st_mode))
        rc = px_fail(err, PX_E_IO, "%s: %s, not a regular file", path, kind_of(st->st_mode));
    if (rc)
        close(opened);
    else
        *fd = opened;
    return rc;
}

int px_file_read(const char *path, size_t limit, uint8_t **data, size_t *size, struct px_error *err)
{
    struct stat st;
    uint8_t *buffer = NULL;
    int fd;
    int rc = px_file_open_regular(path, &fd, &st, err);

    if (rc)
        return rc;
    if ((uintmax_t)st.st_size > limit)
        rc = px_fail(err, PX_E_TOO_LARGE, "%s: %jd bytes are more than the %zu allowed", path,
                     (intmax_t)st.st_size, limit);
    else if (!(buffer = malloc((size_t)st.st_size + 1)))
        rc = px_fail(err, PX_E_NOMEM, "%s: no memory for %jd bytes", path, (intmax_t)st.st_size);
    else
        rc = read_all(fd, buffer, (size_t)st.st_size, path, err);
    close(fd);
    if (rc) {
        free(buffer);
        return rc;
    }
    buffer[st.st_size] = 0;
    *data = buffer;
    *size = (size_t)st.st_size;
    return 0;
}

/* Creates PATH.tmp-PID, or, if that is there (left by a process that was killed, or planted by
 * someone else), the same with another number. Never opens what is there. */
static int create_temporary(struct px_file_writer *w, struct px_error *err)
{
    uint32_t number = (uint32_t)getpid();

    for (int attempt = 0; attempt < 16; attempt++) {
        int rc = px_path_format(w->temporary, err, "%s.tmp-%" PRIu32, w->path, number);
        if (rc)
            return rc;
        w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (w->fd >= 0 || errno != EEXIST)
            break;
        if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number)
            number++;
    }
    return w->fd >= 0 ? 0
                      : px_fail(err, PX_E_IO, "%s: cannot create: %s", w->path, strerror(errno));
}

int px_file_open(struct px_file_writer *w, const char *path, struct px_error *err)
{
    struct stat st;

    if (strlen(path) >= sizeof w->path)
        return px_path_format(w->path, err, "%s", path);
    if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode) || !realpath(path, w->path))
        strcpy(w->path, path);
    w->temporary[0] = 0;
    if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
        return create_temporary(w, err);
    w->fd = open(w->path, O_WRONLY | O_CLOEXEC); /* a folder fails here */
    if (w->fd < 0)
        return px_fail(err, PX_E_IO, "%s: cannot create: %s", path, strerror(errno));
    return 0;
}

bool px_write_all(int fd, const void *data, size_t size)
{
    const uint8_t *p = data;

    while (size) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

int px_file_write(struct px_file_writer *w, const void *data, size_t size, struct px_error *err)
{
    if (px_write_all(w->fd, data, size))
        return 0;
    return px_fail(err, PX_E_IO, "%s: cannot write: %s", w->path, strerror(errno));
}

static void sync_folder_of(const char *path)
{
    char folder[PX_PATH_MAX];

    if (px_path_folder(folder, path, NULL))
        return;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return; /* the file itself is safe; only the rename may be lost with the power */
    fsync(fd);
    close(fd);
}

int px_file_commit(struct px_file_writer *w, struct px_error *err)
{
    int rc = 0;

    if (w->temporary[0] && fsync(w->fd) != 0) /* devices and pipes cannot */
        rc = px_fail(err, PX_E_IO, "%s: cannot sync: %s", w->path, strerror(errno));
    if (close(w->fd) != 0 && !rc)
        rc = px_fail(err, PX_E_IO, "%s: cannot close: %s", w->path, strerror(errno));
    w->fd = -1;
    if (!w->temporary[0])
        return rc;
    if (!rc && rename(w->temporary, w->path) != 0)
        rc = px_fail(err, PX_E_IO, "%s: cannot rename into place: %s", w->path, strerror(errno));
    if (rc)
        unlink(w->temporary);
    else
        sync_folder_of(w->path);
    return rc;
}

void px_file_abandon(struct px_file_writer *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    if (w->temporary[0])
        unlink(w->temporary);
}

int px_file_save(const char *path, const void *data, size_t size, struct px_error *err)
{
    struct px_file_writer w;
    int rc = px_file_open(&w, path, err);

    if (rc)
        return rc;
    rc = px_file_write(&w, data, size, err);
    if (rc) {
        px_file_abandon(&w);
        return rc;
    }
    return px_file_commit(&w, err);
}

int px_flush_output(struct px_error *err)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    return px_fail(err, PX_E_IO, "standard output: cannot write: %s", strerror(errno));
}

int px_make_folder(const char *path, struct px_error *err)
{
    char part[PX_PATH_MAX];
    int rc = px_path_format(part, err, "%s", path);

    if (rc)
        return rc;
    if (!*path)
        return px_fail(err, PX_E_IO, "a folder cannot have an empty name");
    for (size_t i = 1;; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        part[i] = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return px_fail(err, PX_E_IO, "%s: cannot create the folder: %s", part, strerror(errno));
        if (!path[i])
            break;
        part[i] = '/';
    }
    if (!px_path_is_folder(path))
        return px_fail(err, PX_E_IO, "%s: exists and is not a folder", path);
    return 0;
}

static bool has_suffix(const char *name, const char *const *suffixes)
{
    if (name[0] == '.')
        return false;
    for (; *suffixes; suffixes++)
        if (px_path_has_suffix(name, *suffixes))
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Collects matching names, each with its NUL. */
static size_t collect(DIR *dir, const char *const *suffixes, struct px_buffer *text)
{
    size_t count = 0;

    for (struct dirent *e; (e = readdir(dir));)
        if (has_suffix(e->d_name, suffixes) &&
            px_buffer_append(text, e->d_name, strlen(e->d_name) + 1))
            count++;
    return count;
}

int px_list_folder(const char *path, const char *const *suffixes, char ***names, size_t *count,
                   struct px_error *err)
{
    struct px_buffer text = {0};
    DIR *dir = opendir(path);

    if (!dir)
        return px_fail(err, errno == ENOENT ? PX_E_NOT_FOUND : PX_E_IO,
                       "%s: cannot open the folder: %s", path, strerror(errno));
    size_t n = collect(dir, suffixes, &text);
    closedir(dir);
    char **list = text.failed ? NULL : malloc(n * sizeof *list + text.size + 1);
    if (!list) {
        px_buffer_clear(&text);
        return px_fail(err, PX_E_NOMEM, "%s: no memory for the list of its files", path);
    }
    char *strings = (char *)(list + n);
    if (text.size)
        memcpy(strings, text.data, text.size);
    px_buffer_clear(&text);
    for (size_t i = 0; i < n; i++) {
        list[i] = strings;
        strings += strlen(strings) + 1;
    }
    qsort(list, n, sizeof *list, by_name);
    *names = list;
    *count = n;
    return 0;
}
