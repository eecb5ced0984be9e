#ifndef MODEL_DNN_PARTS_MULTIPLY_H
#define MODEL_DNN_PARTS_MULTIPLY_H

/* Matrix products in f32 with weights in panels, on the calling thread. Each element of the result
 * is summed in the order of k, whatever the number of rows, so it does not depend on what else is
 * multiplied. */

#include <stddef.h>

/* out[r][j] = sum over k of rows[r][k] * panel[k][j], j below `width`. */
struct px_product {
    const float *rows;
    size_t count, pitch; /* rows, and floats from one to the next */
    size_t step;         /* floats from one k to the next in a row */
    const float *panel;  /* [depth][width], aligned to 64 bytes */
    size_t depth, width; /* the multiplier's `panel` or `narrow` */
    float *out;
    size_t out_pitch; /* floats from one row of the result to the next */
};

/* What multiplies on this CPU. */
struct px_multiplier {
    const char *name;     /* "avx2", "avx512" */
    size_t panel, narrow; /* columns of a panel; those of the last panel if they are enough */
    size_t rows;          /* that it takes at a time: multiples of this many are fastest */
    void (*multiply)(const struct px_product *product);
};

/* NULL if the CPU has no AVX2 with FMA, or oneDNN is told not to use it (ONEDNN_MAX_CPU_ISA). */
const struct px_multiplier *px_multiplier_of_cpu(void);

/* The kernels are in parts/multiply_avx2.c and parts/multiply_avx512.c. */
void px_multiply_avx2(const struct px_product *product);   /* panels of 16 and 8 columns */
void px_multiply_avx512(const struct px_product *product); /* of 32 and 16 */

#endif
