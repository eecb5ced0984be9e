#include "model/formats/safetensors.h"

#include <stdlib.h>

#include "model/formats/map.h"
#include "model/formats/parts/safetensors_header.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are read as they lie");

struct px_safetensors {
    struct px_map map; /* empty if the memory is the caller's */
    struct px_safetensors_header header;
};

int px_safetensors_parse(struct px_safetensors **out, const uint8_t *data, size_t size,
                         struct px_error *err)
{
    struct px_safetensors *file = calloc(1, sizeof *file);

    if (!file)
        return px_fail(err, PX_E_NOMEM, "no memory for a safetensors file");
    int rc = px_safetensors_header_read(&file->header, data, size, err);
    if (rc) {
        free(file);
        return rc;
    }
    *out = file;
    return 0;
}

int px_safetensors_open(struct px_safetensors **out, const char *path, struct px_error *err)
{
    struct px_map map;
    int rc = px_map_open(&map, path, err);

    if (rc)
        return rc;
    rc = px_safetensors_parse(out, map.data, map.size, err);
    if (!rc) {
        (*out)->map = map;
        return 0;
    }
    px_map_close(&map);
    px_error_prefix(err, path);
    return rc;
}

int px_safetensors_check(const struct px_safetensors *file, struct px_error *err)
{
    return file ? px_map_check(&file->map, err) : 0;
}

void px_safetensors_forget(const struct px_safetensors *file)
{
    if (file)
        px_map_forget(&file->map);
}

void px_safetensors_close(struct px_safetensors *file)
{
    if (!file)
        return;
    px_safetensors_header_clear(&file->header);
    px_map_close(&file->map);
    free(file);
}

const struct px_tensor_list *px_safetensors_list(const struct px_safetensors *file)
{
    return &file->header.list;
}
