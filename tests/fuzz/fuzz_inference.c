#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/inference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Up to the first line end how many bytes are JSON, or nothing; then the body of an inference
 * request, whose tensor becomes a picture. What was read must lie in what the body owns. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    struct px_content_type type = {0};
    struct px_body body = {0};
    struct px_fields fields = {0};
    struct px_params params;
    struct px_image image = {0};

    if (!end)
        return 0;
    type.has_json_size = end > data;
    for (const uint8_t *s = data; s < end && type.json_size < 1u << 20; s++)
        type.json_size = 10 * type.json_size + (*s & 15);
    size -= (size_t)(end + 1 - data);
    body.whole.data = malloc(size + !size); /* of its exact size, for ASan */
    body.whole.size = size;
    memcpy(body.whole.data, end + 1, size);
    if (px_dialect_inference.read(&body, &type, &fields, NULL) == 0) {
        const struct px_pixel_tensor *tensor = &body.tensor;
        if (body.image < body.whole.data ||
            body.image + body.image_size > body.whole.data + body.whole.size)
            abort();
        px_fields_read(&fields, &params, NULL);
        if (tensor->type != PX_PIXELS_IN_FILE &&
            px_pixel_tensor_to_image(tensor, (struct px_span){body.image, body.image_size},
                                     tensor->channels, &image, NULL) == 0)
            px_image_clear(&image);
    }
    px_body_clear(&body);
    px_fields_clear(&fields);
    return 0;
}
