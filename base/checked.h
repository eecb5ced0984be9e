#ifndef BASE_CHECKED_H
#define BASE_CHECKED_H

/* Arithmetic on sizes that come from outside: each returns false if the result does not fit; *out
 * is then unspecified. */

#include <stdbool.h>
#include <stddef.h>

static inline bool px_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool px_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

#endif
