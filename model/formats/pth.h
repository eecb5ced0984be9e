#ifndef MODEL_FORMATS_PTH_H
#define MODEL_FORMATS_PTH_H

/* state_dicts in files of torch.save(), read and written. Read are the zip format (PyTorch 1.6 to
 * today) and the legacy one before it, from Python 2 or 3, with storages of f32, f16, bf16, f64 and
 * i64. Nothing in the file is executed (model/formats/parts/pickle.h), everything is checked before
 * it is used. One leading `module.` is stripped from names. Tensors are views of the mapped file;
 * only those whose strides are not those of C order are copied.
 *
 * Refused, with a message that says what to do: whole pickled modules, TorchScript, the tar format
 * of PyTorch before 0.1.10, files with more in them than a state_dict. */

#include <stdbool.h>

#include "base/error.h"
#include "model/network/tensor_list.h"

struct px_pth;

/* Whether data looks like a file that PyTorch wrote (of any kind) and not like safetensors. */
bool px_pth_sniff(const uint8_t *data, size_t size);

/* Maps and reads a file. Failures: NOT_FOUND, IO, FORMAT, NOMEM; the message begins with the path.
 */
int px_pth_open(struct px_pth **out, const char *path, struct px_error *err);

/* The same from memory; `data` must outlive the result. */
int px_pth_parse(struct px_pth **out, const uint8_t *data, size_t size, struct px_error *err);
void px_pth_close(struct px_pth *file); /* accepts NULL */

/* The tensors; there is no metadata. Lives as long as the file is open. */
const struct px_tensor_list *px_pth_list(const struct px_pth *file);

/* Writes a state_dict in the zip format, tensors in the order given, as torch.load() takes it with
 * weights_only=True in every version since 1.6. Equal tensors give equal bytes; data is written
 * from where it lies. Names must not repeat. Failures: NOMEM; INVALID beyond 4 GiB; IO where the
 * disk is full, then nothing of `path` has changed. The message begins with the path. */
int px_pth_save(const char *path, const struct px_tensor *tensors, size_t count,
                struct px_error *err);

#endif
