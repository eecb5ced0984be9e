#include "base/path.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

int px_path_format(char out[static PX_PATH_MAX], struct px_error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(out, PX_PATH_MAX, format, args);
    va_end(args);
    if (n >= 0 && n < PX_PATH_MAX)
        return 0;
    return px_fail(err, PX_E_USAGE, "%.200s...: the path is longer than %d bytes", out,
                   PX_PATH_MAX - 1);
}

int px_path_join(char out[static PX_PATH_MAX], const char *folder, const char *name,
                 struct px_error *err)
{
    size_t n = strlen(folder);
    const char *slash = n == 0 || folder[n - 1] == '/' ? "" : "/";

    return px_path_format(out, err, "%s%s%s", folder, slash, name);
}

const char *px_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

const char *px_path_extension(const char *path)
{
    const char *name = px_path_name(path);
    const char *dot = strrchr(name, '.');

    return dot && dot != name ? dot : name + strlen(name);
}

size_t px_path_stem_length(const char *path)
{
    return (size_t)(px_path_extension(path) - px_path_name(path));
}

bool px_path_has_suffix(const char *path, const char *suffix)
{
    const char *name = px_path_name(path);
    size_t n = strlen(name), tail = strlen(suffix);

    return n > tail && strcasecmp(name + n - tail, suffix) == 0;
}

int px_path_with_suffix(char out[static PX_PATH_MAX], const char *path, const char *suffix,
                        struct px_error *err)
{
    int n = (int)(px_path_extension(path) - path);

    return px_path_format(out, err, "%.*s%s", n, path, suffix);
}

int px_path_folder(char out[static PX_PATH_MAX], const char *path, struct px_error *err)
{
    size_t n = (size_t)(px_path_name(path) - path);

    if (n == 0)
        return px_path_format(out, err, ".");
    while (n > 1 && path[n - 1] == '/')
        n--;
    return px_path_format(out, err, "%.*s", (int)n, path);
}

bool px_path_is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int px_path_make_folder(const char *path, bool *made, struct px_error *err)
{
    bool ignored;

    made = made ? made : &ignored;
    *made = mkdir(path, 0777) == 0;
    if (*made || (errno == EEXIST && px_path_is_folder(path)))
        return 0;
    if (errno == ENOENT)
        return px_fail(err, PX_E_NOT_FOUND,
                       "%s: cannot create the folder: the folder around it does not exist either; "
                       "create that one first",
                       path);
    if (errno == EEXIST)
        return px_fail(err, PX_E_IO, "%s: is not a folder", path);
    return px_fail(err, PX_E_IO, "%s: cannot create the folder: %s", path, strerror(errno));
}
