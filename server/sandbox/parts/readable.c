#include "server/sandbox/parts/readable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

static bool is_link(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

/* Whether a path is the folder or below it; both are real ones. */
static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The folder that the file or folder is in; the file itself if that is "/". */
static void visit_around(const char *real, px_readable_visitor *visit, void *context)
{
    char folder[PX_PATH_MAX];

    if (px_path_folder(folder, real, NULL) == 0 && strcmp(folder, "/") != 0)
        visit(context, folder);
    else if (strcmp(real, "/") != 0)
        visit(context, real);
}

static void visit_links(DIR *dir, const char *folder, px_readable_visitor *visit, void *context)
{
    char path[PX_PATH_MAX], target[PX_PATH_MAX];
    const struct dirent *entry;

    while ((entry = readdir(dir)) != NULL)
        if (px_path_join(path, folder, entry->d_name, NULL) == 0 && is_link(path) &&
            realpath(path, target) && !is_below(target, folder))
            visit_around(target, visit, context);
}

void px_readable_models(const char *models, px_readable_visitor *visit, void *context)
{
    char given[PX_PATH_MAX], real[PX_PATH_MAX];
    size_t n = strlen(models);

    visit(context, models);
    while (n > 1 && models[n - 1] == '/')
        n--;
    if (px_path_format(given, NULL, "%.*s", (int)n, models) < 0 || !realpath(given, real))
        return;
    if (is_link(given))
        visit_around(real, visit, context);
    DIR *dir = opendir(real);
    if (!dir)
        return;
    visit_links(dir, real, visit, context);
    closedir(dir);
}

/* Of a real path: /etc holds too much, and so does a home. */
static bool is_wide(const char *folder)
{
    const char *home = getenv("HOME");
    const struct passwd *user = getpwuid(geteuid());

    return folder[0] != '/' || strchr(folder + 1, '/') == NULL ||
           (home && strcmp(folder, home) == 0) || (user && strcmp(folder, user->pw_dir) == 0);
}

void px_readable_file(const char *file, px_readable_visitor *visit, void *context)
{
    char folder[PX_PATH_MAX], real[PX_PATH_MAX];

    visit(context, file);
    if (px_path_folder(folder, file, NULL) == 0 && realpath(folder, real) && !is_wide(real))
        visit(context, real);
}

void px_readable_system(px_readable_visitor *visit, void *context)
{
    static const char *const paths[] = {"/proc/self", "/sys/fs/cgroup", "/sys/devices/system/cpu",
                                        "/proc/sys/vm/overcommit_memory"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        visit(context, paths[i]);
}

static bool is_denied(const char *path)
{
    return euidaccess(path, R_OK) != 0 && errno == EACCES;
}

bool px_readable_is_all(const char *models, const char *file)
{
    char path[PX_PATH_MAX];
    const struct dirent *entry;
    bool all = !file || !is_denied(file);
    DIR *dir = opendir(models);

    if (!dir)
        return all && errno != EACCES;
    while (all && (entry = readdir(dir)) != NULL)
        if (px_path_has_suffix(entry->d_name, ".safetensors") &&
            px_path_join(path, models, entry->d_name, NULL) == 0)
            all = !is_denied(path);
    closedir(dir);
    return all;
}
