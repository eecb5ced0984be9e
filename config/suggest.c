#include "config/suggest.h"

#include <stdbool.h>
#include <string.h>

enum { LONGEST = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The restricted Damerau-Levenshtein distance, three rows at a time; a, b: at most LONGEST bytes.
 */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    size_t la = strlen(a), lb = strlen(b);

    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t replace = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(replace, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return row[lb];
}

/* Whether `words` are the first or the last of a name's words: "batch" and "size" of "batch-size".
 */
static bool has_words(const char *name, const char *words)
{
    size_t length = strlen(words), rest = strlen(name);

    if (length < 3 || rest <= length)
        return false;
    rest -= length;
    return (strncmp(name, words, length) == 0 && name[length] == '-') ||
           (name[rest - 1] == '-' && strcmp(name + rest, words) == 0);
}

void px_suggestion_offer(struct px_suggestion *s, const char *candidate)
{
    size_t length = strlen(s->wanted);

    if (length > LONGEST || strlen(candidate) > LONGEST)
        return;
    size_t distance = has_words(candidate, s->wanted) ? 0 : edit_distance(s->wanted, candidate);
    if (distance > (length < 6 ? 1 : length / 3))
        return;
    if (!s->best || distance < s->distance) {
        s->best = candidate;
        s->distance = distance;
    }
}
