#include <stdint.h>
#include <stdlib.h>

#include "codecs/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Probes and decodes with limits small enough that no input takes long. Where the decoder succeeds,
 * the picture must have the size that the probe announced. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct px_decode_limits limits = {.max_pixels = 1 << 18, .max_side = 4096};
    struct px_image_info info;
    struct px_image image;
    struct px_error err;
    uint32_t channels = size ? data[size - 1] % 4u + 1 : 1;
    int probed = px_image_probe(data, size, &limits, &info, &err);

    if (px_image_decode(data, size, &limits, channels, &image, &err) != 0)
        return 0;
    if (probed != 0 || image.width != info.width || image.height != info.height ||
        image.channels != channels)
        abort();
    px_image_destroy(&image);
    return 0;
}
