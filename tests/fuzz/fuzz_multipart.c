#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/message/accept.h"
#include "server/message/content_type.h"
#include "server/message/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A Content-Type up to the first line end, then the body. Every part must lie in the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    struct px_content_type type;
    struct px_form_parts parts;
    char header[512];
    size_t n = end == NULL ? size : (size_t)(end - data);

    if (n >= sizeof header)
        return 0;
    memcpy(header, data, n);
    header[n] = '\0';
    px_accept(header, PX_FORMAT_NONE);
    px_accept(header, PX_FORMAT_JPEG);
    if (end == NULL || px_content_type_parse(header, &type, NULL) != 0 ||
        type.kind != PX_BODY_MULTIPART)
        return 0;
    size_t length = size - n - 1;
    uint8_t *body = malloc(length + !length); /* of its exact size, for ASan */
    memcpy(body, end + 1, length);
    if (px_multipart_parse(body, length, type.boundary, &parts, NULL) == 0)
        for (size_t i = 0; i < parts.count; i++)
            if (parts.at[i].data < body || parts.at[i].data + parts.at[i].size > body + length)
                abort();
    free(body);
    return 0;
}
