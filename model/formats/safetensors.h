#ifndef MODEL_FORMATS_SAFETENSORS_H
#define MODEL_FORMATS_SAFETENSORS_H

/* The safetensors file format (github.com/huggingface/safetensors), read by mapping and written
 * atomically. Everything in the header is checked before it is used: header size (at most
 * 100,000,000), JSON, duplicate names, types, products with overflow checks, offsets in order
 * without holes or overlap, the file's exact size. Only F32, BF16, F16, F64, I64 and I8 are
 * accepted (others are refused by name). */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/network/tensor_list.h"

struct px_safetensors;

/* Maps and validates a file. Failures: NOT_FOUND, IO, FORMAT, NOMEM; the message begins with the
 * path. */
int px_safetensors_open(struct px_safetensors **out, const char *path, struct px_error *err);

/* The same from memory (`data` must outlive the result; used by tests and fuzzing). */
int px_safetensors_parse(struct px_safetensors **out, const uint8_t *data, size_t size,
                         struct px_error *err);
void px_safetensors_close(struct px_safetensors *file); /* accepts NULL */

/* IO where the file was written to since it was opened: its tensors must not be read any more.
 * NULL, which is no file, was not. */
int px_safetensors_check(const struct px_safetensors *file, struct px_error *err);

/* Gives the pages of a mapped file that were read so far back to the system; accepts NULL. */
void px_safetensors_forget(const struct px_safetensors *file);

/* Tensors and metadata; lives as long as the file is open. */
const struct px_tensor_list *px_safetensors_list(const struct px_safetensors *file);
/* The tensors, in the order of their names; `index` is below the count. */
size_t px_safetensors_count(const struct px_safetensors *file);
const struct px_tensor *px_safetensors_at(const struct px_safetensors *file, size_t index);
/* NULL where there is none of that name. */
const struct px_tensor *px_safetensors_find(const struct px_safetensors *file, const char *name);
size_t px_safetensors_metadata_count(const struct px_safetensors *file);
struct px_metadata px_safetensors_metadata_at(const struct px_safetensors *file, size_t index);
const char *px_safetensors_metadata(const struct px_safetensors *file,
                                    const char *key); /* or NULL */

/* Writes a file: tensors ordered by element size (largest first; i64 before f64, bf16 before f16,
 * i8 last),
 * then name, as the reference writer does; metadata sorted by key; equal content gives equal bytes.
 * Data is written from where it lies, not copied. IO where the disk is full, INVALID where a name
 * is given twice or a tensor contradicts itself; then nothing of `path` has changed. The message
 * begins with the path. */
int px_safetensors_save(const char *path, const struct px_tensor *tensors, size_t count,
                        const struct px_metadata *metadata, size_t metadata_count,
                        struct px_error *err);

#endif
