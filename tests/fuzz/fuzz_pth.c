#include <stdlib.h>
#include <string.h>

#include "model/checkpoint/parts/checkpoint_parts.h"
#include "model/formats/pth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is accepted is in order, and all its bytes are there; the sanitizers watch the reading.
 */
static void use(const uint8_t *data, size_t size)
{
    struct px_checkpoint_selection selection = {0};
    struct px_pth *file;
    struct px_error err;

    if (px_pth_parse(&file, data, size, &err) != 0)
        return;
    const struct px_tensor_list *list = px_pth_list(file);
    for (size_t i = 0; i < list->count; i++) {
        const struct px_tensor *tensor = &list->tensors[i];
        size_t count = px_tensor_count(tensor);
        if (tensor->bytes != count * px_dtype_size(tensor->dtype) ||
            px_tensor_find(list, tensor->name) != tensor ||
            (i && strcmp(list->tensors[i - 1].name, tensor->name) >= 0))
            abort();
        float *values = malloc(count * sizeof *values + 1);
        if (!values)
            abort();
        px_tensor_to_f32(tensor, values);
        free(values);
    }
    px_checkpoint_select(&selection, list, PX_SELECT_G, NULL, &err);
    px_checkpoint_selection_clear(&selection);
    px_pth_close(file);
}

/* Takes the checksums out of a zip archive's directory and data descriptors. */
static void drop_checksums(uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 20 <= size; i++) {
        if (memcmp(data + i, "PK\1\2", 4) == 0)
            memset(data + i + 16, 0, 4);
        else if (memcmp(data + i, "PK\7\10", 4) == 0)
            memset(data + i + 4, 0, 4);
    }
}

/* Runs the input as it is and, where it is a zip archive, again without checksums, so that
 * mutations of the records are not all refused for them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    use(data, size);
    if (size < 4 || memcmp(data, "PK\3\4", 4) != 0)
        return 0;
    uint8_t *repaired = malloc(size);
    if (!repaired)
        abort();
    memcpy(repaired, data, size);
    drop_checksums(repaired, size);
    use(repaired, size);
    free(repaired);
    return 0;
}
