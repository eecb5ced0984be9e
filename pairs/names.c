#include "pairs/names.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/path.h"

/* Names as they are found, each with its NUL. */
struct found {
    struct px_buffer text;
    size_t count;
};

struct walk {
    const char *top;
    bool skip_uses; /* at the top */
    struct found pictures, others, links;
};

/* A folder at or below the top. */
struct place {
    char path[PX_PATH_MAX];
    const char *below; /* what of that follows the top: "", or "/x/y" */
    int depth;
};

/* Formats that are pictures to people, but not to the codecs. */
static const char *const other_suffixes[] = {
    ".tif", ".tiff", ".webp", ".bmp", ".gif", ".ppm", ".pgm", ".pnm", ".heic", ".heif", ".avif",
    ".jp2", ".jxl",  ".jfif", ".jpe", ".tga", ".exr", ".svg", ".psd", ".dng",  NULL};

static bool has_suffix(const char *name, const char *const *suffixes)
{
    for (; *suffixes; suffixes++)
        if (px_path_has_suffix(name, *suffixes))
            return true;
    return false;
}

/* Each writes "FOLDER/NAME" without the slash that a folder below the top begins with. */
static void add_name(struct found *found, const char *folder, const char *name)
{
    if (*folder)
        px_buffer_appendf(&found->text, "%s/", folder);
    px_buffer_append(&found->text, name, strlen(name) + 1);
    found->count++;
}

static void add_path(struct found *found, const struct place *place, const char *name)
{
    add_name(found, place->path, name);
}

static bool is_skipped(const struct walk *w, const struct place *place, const char *name)
{
    static const char *const uses[] = {"train", "val", "test"};

    for (size_t i = 0; w->skip_uses && place->depth == 0 && i < sizeof uses / sizeof *uses; i++)
        if (strcmp(name, uses[i]) == 0)
            return true;
    return name[0] == '.';
}

/* NAME.pictures of a training, beside its NAME.metrics.jsonl: sheets of pictures, not pairs. */
static bool is_of_training(const char *path)
{
    char metrics[PX_PATH_MAX];

    return px_path_has_suffix(path, ".pictures") &&
           px_path_with_suffix(metrics, path, ".metrics.jsonl", NULL) == 0 &&
           access(metrics, F_OK) == 0;
}

static int visit(struct walk *w, const struct place *place, struct px_error *err);

static int descend(struct walk *w, const struct place *place, const char *name,
                   struct px_error *err)
{
    struct place next = {.depth = place->depth + 1};
    int rc = px_path_join(next.path, place->path, name, err);

    if (rc || is_of_training(next.path))
        return rc;
    if (next.depth > PX_NAMES_DEPTH)
        return px_fail(err, PX_E_USAGE, "%s: lies more than %d folders below %s", next.path,
                       PX_NAMES_DEPTH, w->top);
    next.below = next.path + strlen(w->top);
    return visit(w, &next, err);
}

/* Files, pipes and broken links count by their names: opening them reports what they are. */
static int look_at(struct walk *w, const struct place *place, DIR *dir, const struct dirent *entry,
                   struct px_error *err)
{
    const char *name = entry->d_name;
    struct stat st;
    bool is_link = entry->d_type == DT_LNK, is_folder = entry->d_type == DT_DIR;

    if (entry->d_type == DT_UNKNOWN && fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        is_link = S_ISLNK(st.st_mode);
        is_folder = S_ISDIR(st.st_mode);
    }
    if (is_folder)
        return descend(w, place, name, err);
    if (is_link && fstatat(dirfd(dir), name, &st, 0) == 0 && S_ISDIR(st.st_mode))
        add_path(&w->links, place, name);
    else if (has_suffix(name, px_source_suffixes))
        add_name(&w->pictures, *place->below ? place->below + 1 : "", name);
    else if (has_suffix(name, other_suffixes))
        add_path(&w->others, place, name);
    return 0;
}

static int visit(struct walk *w, const struct place *place, struct px_error *err)
{
    DIR *dir = opendir(place->path);
    int rc = 0;

    assert(place->depth <= PX_NAMES_DEPTH);
    if (!dir)
        return px_fail(err, errno == ENOENT ? PX_E_NOT_FOUND : PX_E_IO,
                       "%s: cannot open the folder: %s", place->path, strerror(errno));
    for (struct dirent *e; !rc && (e = readdir(dir));)
        if (!is_skipped(w, place, e->d_name))
            rc = look_at(w, place, dir, e, err);
    closedir(dir);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Appends what was found to a list and sorts it. */
static int add_to_list(struct px_name_list *list, const struct found *found, struct px_error *err)
{
    size_t count = list->count + found->count, bytes = found->text.size;

    for (size_t i = 0; i < list->count; i++)
        bytes += strlen(list->names[i]) + 1;
    char **names = malloc(count * sizeof *names + bytes + 1);
    if (!names || found->text.failed) {
        free(names);
        return px_fail(err, PX_E_NOMEM, "no memory for a list of %zu files", count);
    }
    char *to = (char *)(names + count);
    const char *from = px_buffer_text(&found->text);
    for (size_t i = 0; i < count; i++) {
        const char *name = i < list->count ? list->names[i] : from;
        size_t n = strlen(name) + 1;
        names[i] = memcpy(to, name, n);
        to += n;
        if (i >= list->count)
            from += n;
    }
    qsort(names, count, sizeof *names, by_name);
    free(list->names);
    *list = (struct px_name_list){names, count};
    return 0;
}

/* The pictures of a folder, sorted; what is left out is added to the lists of that. */
static int list_folder(struct px_names *names, struct px_name_list *pictures, const char *folder,
                       bool is_root, struct px_error *err)
{
    struct walk w = {.top = folder, .skip_uses = is_root};
    struct place top = {.below = ""};
    int rc = px_path_format(top.path, err, "%s", folder);

    if (!rc)
        rc = visit(&w, &top, err);
    if (!rc)
        rc = add_to_list(pictures, &w.pictures, err);
    if (!rc)
        rc = add_to_list(&names->others, &w.others, err);
    if (!rc)
        rc = add_to_list(&names->links, &w.links, err);
    px_buffer_clear(&w.pictures.text);
    px_buffer_clear(&w.others.text);
    px_buffer_clear(&w.links.text);
    return rc;
}

static size_t stem_length(const char *name)
{
    return (size_t)(strrchr(name, '.') - name); /* every picture's name has a suffix */
}

static int compare_stems(const char *a, const char *b)
{
    size_t n = stem_length(a), m = stem_length(b);
    int c = memcmp(a, b, n < m ? n : m);

    return c ? c : (n > m) - (n < m);
}

static int by_stem(const void *a, const void *b)
{
    const char *p = *(char *const *)a, *q = *(char *const *)b;
    int c = compare_stems(p, q);

    return c ? c : strcmp(p, q);
}

static int no_partner(const char *folder, const char *name, const char *other, struct px_error *err)
{
    return px_fail(err, PX_E_USAGE,
                   "%s/%s has no partner in %s/: every picture needs one of the same name there "
                   "(sets without pairs, as CycleGAN trains on, cannot be used)",
                   folder, name, other);
}

/* Both lists are sorted by stems; the first name that only one of them has is refused. */
static int match(const struct px_names *names, const struct px_source *source, struct px_error *err)
{
    const struct px_name_list *a = &names->a, *b = &names->b;

    for (size_t i = 0; i < a->count || i < b->count; i++) {
        int c = i == a->count ? 1 : i == b->count ? -1 : compare_stems(a->names[i], b->names[i]);
        if (c < 0)
            return no_partner(source->a, a->names[i], source->b, err);
        if (c > 0)
            return no_partner(source->b, b->names[i], source->a, err);
    }
    return 0;
}

static int read_two(struct px_names *names, const struct px_source *source, struct px_error *err)
{
    int rc = list_folder(names, &names->a, source->a, source->is_root, err);

    if (!rc)
        rc = list_folder(names, &names->b, source->b, source->is_root, err);
    if (rc)
        return rc;
    qsort(names->a.names, names->a.count, sizeof *names->a.names, by_stem);
    qsort(names->b.names, names->b.count, sizeof *names->b.names, by_stem);
    rc = match(names, source, err);
    if (!rc && names->a.count == 0)
        rc = px_fail(err, PX_E_NOT_FOUND, "%s and %s hold no .png, .jpg or .jpeg picture%s",
                     source->a, source->b,
                     names->others.count ? " (others are not read: convert them)" : "");
    return rc;
}

static int read_one(struct px_names *names, const struct px_source *source, struct px_error *err)
{
    int rc = list_folder(names, &names->a, source->a, source->is_root, err);

    if (!rc && names->a.count == 0)
        rc = px_fail(err, PX_E_NOT_FOUND,
                     "%s: holds no .png, .jpg or .jpeg picture%s (A and B side by side, or in two "
                     "folders A and B)",
                     source->a,
                     names->others.count ? ", but others, which are not read: convert them" : "");
    return rc;
}

int px_names_read(struct px_names *names, const struct px_source *source, struct px_error *err)
{
    *names = (struct px_names){0};
    int rc = source->b[0] ? read_two(names, source, err) : read_one(names, source, err);

    if (rc)
        px_names_clear(names);
    assert(rc || names->b.count == 0 || names->b.count == names->a.count);
    return rc;
}

void px_names_clear(struct px_names *names)
{
    free(names->a.names);
    free(names->b.names);
    free(names->others.names);
    free(names->links.names);
    *names = (struct px_names){0};
}
