#ifndef MODEL_FORMATS_PTH_H
#define MODEL_FORMATS_PTH_H

/* Tensors in files of torch.save(), read (pth.c) and written (pth_write.c).
 *
 * Reads the zip format (PyTorch 1.6 to today, entries stored or deflated) and the legacy one before
 * it, from Python 2 or 3, of pickle protocol 2 to 5, with tensors of f32, f16, bf16, f64 and i64.
 * Nothing in the file is executed (model/formats/parts/pickle.h); everything is checked before it
 * is used. A state_dict gives its tensors under their names; tensors in nested dicts, lists and
 * tuples are named OUTER/INNER ("netG/model.model.0.weight"). Other values (numbers, strings,
 * objects of Python classes, tensors of other types) are left out. Tensors are views of the mapped
 * file, except those that are deflated or whose strides are not those of C order.
 *
 * Refused, with a message that says what to do: whole pickled modules, TorchScript, the tar format
 * of PyTorch before 0.1.10, and other kinds of files (model/formats/identify.h). */

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

/* The tensors; there is no metadata. Valid while the file is open, as what follows. */
const struct px_tensor_list *px_pth_list(const struct px_pth *file);

/* The first value that could not be read, for messages ("'args' is an object of the Python class
 * argparse.Namespace"), or "". */
const char *px_pth_skipped(const struct px_pth *file);

/* Writes a state_dict in the zip format, tensors in the order given, as torch.load() takes it with
 * weights_only=True in every version since 1.6. Equal tensors give equal bytes; data is written
 * from where it lies. Names must not repeat. Failures: NOMEM; INVALID beyond 4 GiB; IO if the
 * disk is full. `path` is then unchanged. The message begins with the path. */
int px_pth_save(const char *path, const struct px_tensor *tensors, size_t count,
                struct px_error *err);

#endif
