#include <string.h>

#include "model/checkpoint/parts/checkpoint_parts.h"

enum { MAX_LENGTH = sizeof((struct px_tensor_spec *)0)->name };

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* How many characters must be put in, left out or replaced to make one name of the other
 * (Levenshtein's distance), or `limit` if that is smaller. */
static int distance(const char *a, int a_length, const char *b, int b_length, int limit)
{
    int row[MAX_LENGTH + 1];

    for (int j = 0; j <= b_length; j++)
        row[j] = j;
    for (int i = 0; i < a_length; i++) {
        int diagonal = row[0];
        int least = row[0] = i + 1;
        for (int j = 1; j <= b_length; j++) {
            int above = row[j];
            row[j] = smaller(smaller(above, row[j - 1]) + 1, diagonal + (a[i] != b[j - 1]));
            diagonal = above;
            least = smaller(least, row[j]);
        }
        if (least >= limit)
            return limit;
    }
    return smaller(row[b_length], limit);
}

/* The same of what is between the beginning and the end that two names share; of longer names the
 * beginning counts. */
static int distance_within(const char *a, const char *b, int limit)
{
    int a_length = (int)strnlen(a, MAX_LENGTH), b_length = (int)strnlen(b, MAX_LENGTH);

    while (a_length && b_length && *a == *b) {
        a++, b++;
        a_length--, b_length--;
    }
    while (a_length && b_length && a[a_length - 1] == b[b_length - 1]) {
        a_length--;
        b_length--;
    }
    if (a_length - b_length >= limit || b_length - a_length >= limit)
        return limit;
    return distance(a, a_length, b, b_length, limit);
}

const char *px_checkpoint_nearest(const struct px_tensor_spec *specs, size_t count,
                                  const char *name)
{
    const char *nearest = "";
    int least = 2 * MAX_LENGTH;

    for (size_t i = 0; i < count && least > 0; i++) {
        int d = distance_within(name, specs[i].name, least);
        if (d >= least)
            continue;
        least = d;
        nearest = specs[i].name;
    }
    return nearest;
}
