#ifndef MODEL_SIMD_H
#define MODEL_SIMD_H

/* PX_CLONES before a function makes the compiler translate it once for AVX-512, once for AVX2 and
 * once for any x86-64; the loader picks when the program starts. Everything the function inlines
 * (PX_INLINE) is translated along with it. Multiplications and additions are never contracted into
 * one (-std=c17), so the copies give the same bits.
 *
 * Under sanitizers the choice would run before their runtime is up, and clang 14 knows no such
 * clones: there PX_CLONES is empty. */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PX_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PX_CLONES
#endif

#define PX_INLINE static inline __attribute__((always_inline))

#endif
