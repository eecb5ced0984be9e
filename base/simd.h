#ifndef BASE_SIMD_H
#define BASE_SIMD_H

/* PX_CLONES before a function compiles it for AVX-512, AVX2 and plain x86-64 and lets the dynamic
 * linker choose at start. Only for leaf loops: the body of an OpenMP region inside such a function
 * is not cloned. Empty where the compiler cannot (clang) or the sanitizers get in the way of
 * ifuncs. */

#if defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&                  \
    !defined(__SANITIZE_THREAD__)
#define PX_CLONES __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define PX_CLONES
#endif

#endif
