#ifndef TRAINER_NN_PARTS_ELEMENT_H
#define TRAINER_NN_PARTS_ELEMENT_H

/* Activations and their gradients are arrays of f32 or bf16 (model/network/element.h). */

#include <stddef.h>
#include <stdint.h>

#include "model/network/element.h"

/* The i-th element's address; NULL stays NULL. */
static inline void *px_element(const void *data, size_t i, enum px_dtype dtype)
{
    return data ? (char *)(uintptr_t)data + i * px_dtype_size(dtype) : NULL;
}

/* to = from, n elements. */
void px_elements_round(const float *from, size_t n, enum px_dtype dtype, void *to);
/* to += from, n elements. */
void px_elements_add(void *to, const void *from, size_t n, enum px_dtype dtype);

#endif
