#ifndef MODEL_FORMATS_SAFETENSORS_H
#define MODEL_FORMATS_SAFETENSORS_H

/* The safetensors file format (github.com/huggingface/safetensors), read by mapping and written
 * atomically. Everything in the header is checked before it is used: header size (at most
 * 1 MiB; a generator's is below 100 KiB), JSON, duplicate names, types, products with overflow
 * checks, offsets in order without holes or overlap, the file's exact size. Only F32, BF16, F16,
 * F64, I64 and I8 are accepted; others are refused by name. Files of other kinds are named in the
 * message (model/formats/identify.h). */

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

/* IO if the mapped file was modified since it was opened; do not read its tensors then. NULL is
 * accepted and never fails. */
int px_safetensors_check(const struct px_safetensors *file, struct px_error *err);

/* Returns the pages of the mapped file that were read so far to the system; reading them again
 * brings them back. Accepts NULL. */
void px_safetensors_forget(const struct px_safetensors *file);

/* Tensors and metadata, valid while the file is open. */
const struct px_tensor_list *px_safetensors_list(const struct px_safetensors *file);

/* Writes a file (safetensors_write.c). Tensors are ordered by element size, largest first (i64
 * before f64, bf16 before f16, i8 last), then by name, as the reference writer does; metadata is
 * sorted by key; equal content gives equal bytes. Data is written from where it lies, not copied.
 * INVALID if a name repeats or a tensor contradicts itself, IO if the disk is full; `path` is then
 * unchanged. The message begins with the path. */
int px_safetensors_save(const char *path, const struct px_tensor *tensors, size_t count,
                        const struct px_metadata *metadata, size_t metadata_count,
                        struct px_error *err);

#endif
