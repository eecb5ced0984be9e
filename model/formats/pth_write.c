#include "model/formats/pth.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "model/formats/parts/zip_write.h"

/* The pickle is of protocol 2. Failed allocations are noticed at the end. */

/* An opcode and its little-endian operand. */
static void add_operand(struct px_buffer *p, char opcode, uint64_t value, size_t bytes)
{
    px_buffer_append(p, &opcode, 1);
    px_buffer_append(p, &value, bytes);
}

static void add_string(struct px_buffer *p, const char *text)
{
    add_operand(p, 'X', strlen(text), 4); /* BINUNICODE */
    px_buffer_append_text(p, text);
}

/* In the form that Python takes: the shortest. Never negative. */
static void add_number(struct px_buffer *p, uint64_t n)
{
    if (n <= UINT8_MAX)
        add_operand(p, 'K', n, 1); /* BININT1 */
    else if (n <= UINT16_MAX)
        add_operand(p, 'M', n, 2); /* BININT2 */
    else if (n <= INT32_MAX)
        add_operand(p, 'J', n, 4); /* BININT */
    else {
        add_operand(p, '\x8a', 8, 1); /* LONG1, of 8 bytes */
        px_buffer_append(p, &n, 8);
    }
}

static const char *storage_class(enum px_dtype dtype)
{
    static const char *const names[] = {
        [PX_F32] = "ctorch\nFloatStorage\n", [PX_BF16] = "ctorch\nBFloat16Storage\n",
        [PX_F16] = "ctorch\nHalfStorage\n",  [PX_F64] = "ctorch\nDoubleStorage\n",
        [PX_I64] = "ctorch\nLongStorage\n",  [PX_S8] = "ctorch\nCharStorage\n",
        [PX_U8] = "ctorch\nByteStorage\n",
    };
    return names[dtype];
}

/* The call of _rebuild_tensor_v2 with storage, offset, size, strides, requires_grad, hooks. */
static void add_tensor(struct px_buffer *p, const struct px_tensor *tensor, size_t key)
{
    uint64_t stride = px_tensor_count(tensor);
    char name[24];

    snprintf(name, sizeof name, "%zu", key);
    px_buffer_append_text(p, "ctorch._utils\n_rebuild_tensor_v2\n((");
    add_string(p, "storage");
    px_buffer_append_text(p, storage_class(tensor->dtype));
    add_string(p, name);
    add_string(p, "cpu");
    add_number(p, px_tensor_count(tensor));
    px_buffer_append_text(p, "tQK");
    px_buffer_append(p, "", 1); /* the offset: 0 */
    px_buffer_append_text(p, "(");
    for (int i = 0; i < tensor->ndim; i++)
        add_number(p, (uint64_t)tensor->shape[i]);
    px_buffer_append_text(p, "t(");
    for (int i = 0; i < tensor->ndim; i++) {
        stride = tensor->shape[i] ? stride / (uint64_t)tensor->shape[i] : 1;
        add_number(p, stride);
    }
    px_buffer_append_text(p, "t\x89"
                             "ccollections\nOrderedDict\n)RtR");
}

/* {name: tensor, ...} as an OrderedDict; tensor i has the storage of key i. */
static void add_state(struct px_buffer *p, const struct px_tensor *tensors, size_t count)
{
    px_buffer_append_text(p, "\x80\x02"
                             "ccollections\nOrderedDict\n)R(");
    for (size_t i = 0; i < count; i++) {
        add_string(p, tensors[i].name);
        add_tensor(p, &tensors[i], i);
    }
    px_buffer_append_text(p, "u.");
}

static int write_records(struct px_zip_writer *zip, const struct px_buffer *pickle,
                         const struct px_tensor *tensors, size_t count, struct px_error *err)
{
    char name[48];
    int rc = px_zip_add(zip, "archive/data.pkl", pickle->data, pickle->size, err);

    if (!rc)
        rc = px_zip_add(zip, "archive/byteorder", "little", 6, err);
    for (size_t i = 0; !rc && i < count; i++) {
        snprintf(name, sizeof name, "archive/data/%zu", i);
        rc = px_zip_add(zip, name, tensors[i].data, tensors[i].bytes, err);
    }
    return rc ? rc : px_zip_add(zip, "archive/version", "3\n", 2, err);
}

int px_pth_save(const char *path, const struct px_tensor *tensors, size_t count,
                struct px_error *err)
{
    struct px_zip_writer zip;
    struct px_buffer pickle = {0};

    add_state(&pickle, tensors, count);
    int rc = pickle.failed ? px_fail(err, PX_E_NOMEM, "%s: no memory for %zu tensors", path, count)
                           : px_zip_open(&zip, path, err);
    if (!rc) {
        rc = write_records(&zip, &pickle, tensors, count, err);
        if (rc)
            px_zip_abandon(&zip);
        else
            rc = px_zip_commit(&zip, err);
    }
    px_buffer_clear(&pickle);
    return rc;
}
