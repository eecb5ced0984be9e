#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, uint8_t *data, size_t size, const char *path, struct px_error *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return px_fail(err, PX_E_IO, "%s: cannot read: %s", path, strerror(errno));
        if (n == 0)
            return px_fail(err, PX_E_IO, "%s: became shorter while it was read", path);
        done += (size_t)n;
    }
    return 0;
}

int px_file_read(const char *path, size_t limit, uint8_t **data, size_t *size, struct px_error *err)
{
    struct stat st;
    uint8_t *buffer = NULL;
    int rc = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return px_fail(err, errno == ENOENT ? PX_E_NOT_FOUND : PX_E_IO, "%s: cannot open: %s", path,
                       strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = px_fail(err, PX_E_IO, "%s: not a regular file", path);
    else if ((uintmax_t)st.st_size > limit)
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

/* Fills path (links followed) and temporary ("" for devices and pipes). */
static bool name_files(struct px_file_writer *w, const char *path)
{
    struct stat st;

    if (strlen(path) >= sizeof w->path)
        return false;
    if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode) || !realpath(path, w->path))
        strcpy(w->path, path);
    w->temporary[0] = 0;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return true;
    int n = snprintf(w->temporary, sizeof w->temporary, "%s.tmp-%ld", w->path, (long)getpid());
    return n > 0 && (size_t)n < sizeof w->temporary;
}

int px_file_open(struct px_file_writer *w, const char *path, struct px_error *err)
{
    if (!name_files(w, path))
        return px_fail(err, PX_E_IO, "%.200s...: the path is too long", path);
    if (w->temporary[0])
        w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    else
        w->fd = open(w->path, O_WRONLY | O_CLOEXEC); /* a folder fails here */
    if (w->fd < 0)
        return px_fail(err, PX_E_IO, "%s: cannot create: %s", path, strerror(errno));
    return 0;
}

int px_file_write(struct px_file_writer *w, const void *data, size_t size, struct px_error *err)
{
    const uint8_t *p = data;

    while (size) {
        ssize_t n = write(w->fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return px_fail(err, PX_E_IO, "%s: cannot write: %s", w->path, strerror(errno));
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

static void sync_folder_of(const char *path)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
    char part[4096];
    size_t n = strlen(path);

    if (n == 0 || n >= sizeof part)
        return px_fail(err, PX_E_IO, "'%.200s': not a usable folder name", path);
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != 0)
            continue;
        part[i] = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return px_fail(err, PX_E_IO, "%s: cannot create the folder: %s", part, strerror(errno));
        part[i] = path[i];
    }
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return px_fail(err, PX_E_IO, "%s: exists and is not a folder", path);
    return 0;
}

static bool has_suffix(const char *name, const char *const *suffixes)
{
    size_t n = strlen(name);

    if (name[0] == '.')
        return false;
    for (; *suffixes; suffixes++) {
        size_t s = strlen(*suffixes);
        if (n > s && strcasecmp(name + n - s, *suffixes) == 0)
            return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Collects matching names, NUL-separated, into one growing block. */
static int collect(DIR *dir, const char *const *suffixes, char **text, size_t *used, size_t *count)
{
    size_t room = 0;

    for (struct dirent *e; (e = readdir(dir));) {
        if (!has_suffix(e->d_name, suffixes))
            continue;
        size_t n = strlen(e->d_name) + 1;
        if (*used + n > room) {
            room = 2 * room + n + 4096;
            char *more = realloc(*text, room);
            if (!more)
                return -1;
            *text = more;
        }
        memcpy(*text + *used, e->d_name, n);
        *used += n;
        ++*count;
    }
    return 0;
}

int px_list_folder(const char *path, const char *const *suffixes, char ***names, size_t *count,
                   struct px_error *err)
{
    char *text = NULL;
    size_t used = 0;
    size_t n = 0;
    DIR *dir = opendir(path);

    if (!dir)
        return px_fail(err, errno == ENOENT ? PX_E_NOT_FOUND : PX_E_IO,
                       "%s: cannot open the folder: %s", path, strerror(errno));
    int rc = collect(dir, suffixes, &text, &used, &n);
    closedir(dir);
    char **list = rc ? NULL : malloc(n * sizeof *list + used + 1);
    if (!list) {
        free(text);
        return px_fail(err, PX_E_NOMEM, "%s: no memory for the list of its files", path);
    }
    char *strings = (char *)(list + n);
    if (used)
        memcpy(strings, text, used);
    free(text);
    for (size_t i = 0; i < n; i++) {
        list[i] = strings;
        strings += strlen(strings) + 1;
    }
    qsort(list, n, sizeof *list, by_name);
    *names = list;
    *count = n;
    return 0;
}
