#ifndef BASE_SIMD_H
#define BASE_SIMD_H

/* PX_CLONES before a function makes the compiler translate it once for AVX-512, once for AVX2 and
 * once for any x86-64; the dynamic linker picks when the program starts. The names are feature
 * levels: names of CPUs (skylake-avx512) would match those models only and leave all others with
 * the slowest copy. Everything the function inlines (PX_INLINE) is translated along with it, but
 * not the body of an OpenMP region inside it: use it for leaf loops. Multiplications and additions
 * are never contracted into one (-std=c17), so the copies give the same bits.
 *
 * Empty if the compiler cannot (clang) or the sanitizers break ifuncs. */

#include "base/sanitized.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !PX_SANITIZED
#define PX_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PX_CLONES
#endif

#define PX_INLINE static inline __attribute__((always_inline))

#endif
