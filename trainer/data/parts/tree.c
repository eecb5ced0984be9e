#include "trainer/data/parts/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "trainer/data/source.h"

struct walk {
    const char *top;
    const char *const *skip;
    char *text; /* the names found so far, each with its NUL */
    size_t used, room, count;
};

/* A folder below the top, and how deep. */
struct place {
    char path[4096];   /* to open it by */
    const char *below; /* what of that follows the top: "", or "/x/y" */
    int depth;
};

static int keep(struct walk *w, const char *below, const char *name, struct px_error *err)
{
    size_t n = strlen(below) + 1 + strlen(name) + 1;

    if (w->used + n > w->room) {
        size_t room = 2 * w->room + n + 4096;
        char *more = realloc(w->text, room);
        if (!more)
            return px_fail(err, PX_E_NOMEM, "%s: no memory for the list of its files", w->top);
        w->text = more;
        w->room = room;
    }
    char *to = w->text + w->used;
    if (*below) /* without the slash that it begins with */
        w->used += (size_t)sprintf(to, "%s/%s", below + 1, name) + 1;
    else
        w->used += (size_t)sprintf(to, "%s", name) + 1;
    w->count++;
    return 0;
}

static int keep_pictures(struct walk *w, const struct place *place, struct px_error *err)
{
    char **names;
    size_t count;
    int rc = px_list_folder(place->path, px_source_suffixes, &names, &count, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < count && !rc; i++)
        rc = keep(w, place->below, names[i], err);
    free(names);
    return rc;
}

static bool is_skipped(const struct walk *w, const struct place *place, const char *name)
{
    for (size_t i = 0; place->depth == 0 && w->skip && w->skip[i]; i++)
        if (strcmp(name, w->skip[i]) == 0)
            return true;
    return name[0] == '.';
}

/* Not for links: these could lead in circles. */
static bool is_folder(const struct dirent *entry, const char *path)
{
    struct stat st;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* NAME.pictures of a training, beside its NAME.metrics.jsonl: sheets of pictures, not pairs. */
static bool is_of_training(const char *path)
{
    static const char suffix[] = ".pictures";
    char metrics[4096 + 16];
    size_t n = strlen(path), tail = sizeof suffix - 1;

    if (n <= tail || strcmp(path + n - tail, suffix) != 0)
        return false;
    snprintf(metrics, sizeof metrics, "%.*s.metrics.jsonl", (int)(n - tail), path);
    return access(metrics, F_OK) == 0;
}

static int visit(struct walk *w, const struct place *place, struct px_error *err);

static int descend(struct walk *w, const struct place *place, const struct dirent *entry,
                   struct px_error *err)
{
    struct place next = {.depth = place->depth + 1};
    int n = snprintf(next.path, sizeof next.path, "%s/%s", place->path, entry->d_name);

    if (n < 0 || (size_t)n >= sizeof next.path)
        return px_fail(err, PX_E_USAGE, "%.200s...: the path is too long", place->path);
    if (!is_folder(entry, next.path) || is_of_training(next.path))
        return 0;
    if (next.depth > PX_TREE_DEPTH)
        return px_fail(err, PX_E_USAGE, "%s: lies more than %d folders below %s", next.path,
                       PX_TREE_DEPTH, w->top);
    next.below = next.path + strlen(w->top);
    return visit(w, &next, err);
}

static int visit(struct walk *w, const struct place *place, struct px_error *err)
{
    int rc = keep_pictures(w, place, err);
    DIR *dir = rc ? NULL : opendir(place->path);

    if (rc)
        return rc;
    if (!dir)
        return px_fail(err, PX_E_IO, "%s: cannot open the folder: %s", place->path,
                       strerror(errno));
    for (struct dirent *e; !rc && (e = readdir(dir));)
        if (!is_skipped(w, place, e->d_name))
            rc = descend(w, place, e, err);
    closedir(dir);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int make_list(const struct walk *w, char ***names, struct px_error *err)
{
    char **list = malloc(w->count * sizeof *list + w->used + 1);

    if (!list)
        return px_fail(err, PX_E_NOMEM, "%s: no memory for the list of its files", w->top);
    char *text = (char *)(list + w->count);
    if (w->used)
        memcpy(text, w->text, w->used);
    for (size_t i = 0; i < w->count; i++) {
        list[i] = text;
        text += strlen(text) + 1;
    }
    qsort(list, w->count, sizeof *list, by_name);
    *names = list;
    return 0;
}

int px_tree_list(const char *path, const char *const *skip, char ***names, size_t *count,
                 struct px_error *err)
{
    struct walk w = {.top = path, .skip = skip};
    struct place top = {.below = ""};
    int n = snprintf(top.path, sizeof top.path, "%s", path);

    if (n < 0 || (size_t)n >= sizeof top.path)
        return px_fail(err, PX_E_USAGE, "%.200s...: the path is too long", path);
    int rc = visit(&w, &top, err);
    if (!rc)
        rc = make_list(&w, names, err);
    if (!rc)
        *count = w.count;
    free(w.text);
    return rc;
}
