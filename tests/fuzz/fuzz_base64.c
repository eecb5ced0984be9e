#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte sets the limit. What decodes must survive a round trip. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes, *again;
    size_t n, n_again;
    struct px_error err;

    if (size == 0)
        return 0;
    size_t limit = data[0] == 255 ? size : data[0];
    if (px_base64_decode((struct px_span){data + 1, size - 1}, limit, &bytes, &n, &err) != 0)
        return 0;
    char *text = malloc(px_base64_size(n) + 1);
    if (!text || n > limit)
        abort();
    px_base64_encode(bytes, n, text);
    if (px_base64_decode((struct px_span){(const uint8_t *)text, strlen(text)}, n, &again, &n_again,
                         &err) != 0 ||
        n != n_again || memcmp(bytes, again, n) != 0)
        abort();
    free(again);
    free(text);
    free(bytes);
    return 0;
}
