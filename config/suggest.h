#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

/* "did you mean ...?": the nearest of several names to one that is unknown, by edit distance
 * (insert, delete, replace, swap neighbours), if it is near enough to be a typing slip, or one
 * whose first or last words it is ("batch" for "batch-size").
 *
 *     struct px_suggestion s = {.wanted = "quailty"};
 *     for (...) px_suggestion_offer(&s, names[i]);
 *     if (s.best) ...
 */

#include <stddef.h>

struct px_suggestion {
    const char *wanted;
    const char *best; /* NULL while none of the candidates is near; borrowed */
    size_t distance;  /* of `best`; 0 for such words */
};

void px_suggestion_offer(struct px_suggestion *suggestion, const char *candidate);

#endif
