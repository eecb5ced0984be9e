#ifndef MODEL_FORMATS_PARTS_SAFETENSORS_HEADER_H
#define MODEL_FORMATS_PARTS_SAFETENSORS_HEADER_H

/* Private to the safetensors files: the JSON header, read into views of the data behind it. */

#include <jansson.h>

#include "base/error.h"
#include "model/network/tensor_list.h"

struct px_safetensors_header {
    json_t *json; /* owns all names, keys and values */
    struct px_tensor_list list;
};

/* `data` is the whole file. On failure nothing is left to clear. */
int px_safetensors_header_read(struct px_safetensors_header *header, const uint8_t *data,
                               size_t size, struct px_error *err);
void px_safetensors_header_clear(struct px_safetensors_header *header);

/* The format's name of a type ("F32"), NULL for AUTO. */
const char *px_safetensors_type_name(enum px_dtype dtype);

#endif
