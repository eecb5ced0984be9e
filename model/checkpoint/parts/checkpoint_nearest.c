#include <string.h>

#include "model/checkpoint/parts/checkpoint_parts.h"

enum { MAX_LENGTH = sizeof((struct px_tensor_spec *)0)->name };

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* How many characters must be put in, left out or replaced to make one name of the other
 * (Levenshtein's distance); of a longer name its beginning. */
static int distance(const char *a, const char *b)
{
    int row[MAX_LENGTH + 1];
    const int length = (int)strnlen(b, MAX_LENGTH);

    for (int j = 0; j <= length; j++)
        row[j] = j;
    for (int i = 0; a[i] && i < MAX_LENGTH; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 1; j <= length; j++) {
            int above = row[j];
            row[j] = smaller(smaller(above, row[j - 1]) + 1, diagonal + (a[i] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[length];
}

const char *px_checkpoint_nearest(const struct px_tensor_spec *specs, size_t count,
                                  const char *name)
{
    const char *nearest = "";
    int least = 2 * MAX_LENGTH;

    for (size_t i = 0; i < count; i++) {
        int d = distance(name, specs[i].name);
        if (d >= least)
            continue;
        least = d;
        nearest = specs[i].name;
    }
    return nearest;
}
