#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/message/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses the kind of body; the rest is the body, read as far as the fields' values.
 * The picture must lie in what the body owns. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct px_content_type type = {.boundary = "XX"};
    struct px_body body = {0};
    struct px_fields fields = {0};
    struct px_params params;

    if (size == 0)
        return 0;
    type.kind = data[0] == '{'   ? PX_BODY_JSON
                : data[0] == '-' ? PX_BODY_MULTIPART
                                 : (enum px_body_kind)(data[0] % (PX_BODY_BYTES + 1));
    if (type.kind <= PX_BODY_BYTES) {
        data++;
        size--;
    }
    body.whole.data = malloc(size + !size);
    body.whole.size = size;
    memcpy(body.whole.data, data, size);
    if (px_body_read(&body, &type, &fields, NULL) == 0) {
        if (body.image < body.whole.data ||
            body.image + body.image_size > body.whole.data + body.whole.size)
            abort();
        px_fields_read(&fields, &params, NULL);
    }
    px_body_clear(&body);
    px_fields_clear(&fields);
    return 0;
}
