#include "trainer/data/parts/listing.h"

#include <stdlib.h>
#include <string.h>

#include "trainer/data/parts/tree.h"

/* The folders that hold pictures of another use. */
static const char *const *skipped(const struct px_source *source)
{
    static const char *const uses[] = {"train", "val", "test", NULL};

    return source->is_root ? uses : NULL;
}

static size_t stem_length(const char *name)
{
    return (size_t)(strrchr(name, '.') - name); /* px_tree_list() found a suffix */
}

static int compare_stems(const char *a, const char *b)
{
    size_t n = stem_length(a), m = stem_length(b);
    int c = memcmp(a, b, n < m ? n : m);

    return c ? c : (n > m) - (n < m);
}

/* By stems, then by px_source_suffixes. */
static int by_stem(const void *a, const void *b)
{
    const char *p = *(char *const *)a, *q = *(char *const *)b;
    int c = compare_stems(p, q);

    return c ? c : strcmp(p, q);
}

static int no_partner(const char *folder, const char *name, const char *other, struct px_error *err)
{
    return px_fail(err, PX_E_USAGE,
                   "%s/%s has no partner in %s/: every picture needs one of the same name there",
                   folder, name, other);
}

/* Both lists sorted by stems: the first name that is in one of them only is refused. */
static int match(const struct px_listing *l, const char *a, size_t count_a, const char *b,
                 size_t count_b, struct px_error *err)
{
    for (size_t i = 0; i < count_a || i < count_b; i++) {
        int c = i == count_a ? 1 : i == count_b ? -1 : compare_stems(l->a[i], l->b[i]);
        if (c < 0)
            return no_partner(a, l->a[i], b, err);
        if (c > 0)
            return no_partner(b, l->b[i], a, err);
    }
    return 0;
}

static int read_two(struct px_listing *l, const struct px_source *source, struct px_error *err)
{
    size_t count_b = 0;
    int rc = px_tree_list(source->a, skipped(source), &l->a, &l->count, err);

    if (!rc)
        rc = px_tree_list(source->b, skipped(source), &l->b, &count_b, err);
    if (rc)
        return rc;
    qsort(l->a, l->count, sizeof *l->a, by_stem);
    qsort(l->b, count_b, sizeof *l->b, by_stem);
    rc = match(l, source->a, l->count, source->b, count_b, err);
    if (!rc && l->count == 0)
        rc = px_fail(err, PX_E_NOT_FOUND, "%s and %s hold no .png, .jpg or .jpeg picture",
                     source->a, source->b);
    return rc;
}

static int read_one(struct px_listing *l, const struct px_source *source, struct px_error *err)
{
    int rc = px_tree_list(source->a, skipped(source), &l->a, &l->count, err);

    if (!rc && l->count == 0)
        rc = px_fail(err, PX_E_NOT_FOUND,
                     "%s: holds no .png, .jpg or .jpeg picture (A and B side by side, or in two "
                     "folders A and B)",
                     source->a);
    return rc;
}

int px_listing_read(struct px_listing *l, const struct px_source *source, struct px_error *err)
{
    *l = (struct px_listing){0};
    int rc = source->b[0] ? read_two(l, source, err) : read_one(l, source, err);

    if (rc)
        px_listing_finish(l);
    return rc;
}

void px_listing_finish(struct px_listing *l)
{
    free(l->a);
    free(l->b);
    *l = (struct px_listing){0};
}
