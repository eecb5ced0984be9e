#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Probes and decodes with limits small enough that no input takes long. If the decoder succeeds,
 * the picture must have the size that the probe announced. */
static void decode(const uint8_t *data, size_t size)
{
    static const struct px_decode_limits limits = {.max_pixels = 1 << 18, .max_side = 4096};
    struct px_image_info info;
    struct px_image image;
    struct px_error err;
    uint32_t channels = size ? data[size - 1] % 4u + 1 : 1;
    int probed = px_image_probe((struct px_span){data, size}, &limits, &info, &err);

    if (px_image_decode((struct px_span){data, size}, &limits, channels, &image, &err) != 0)
        return;
    if (probed != 0 || image.width != info.width || image.height != info.height ||
        image.channels != channels)
        abort();
    px_image_clear(&image);
}

static uint32_t crc(const uint8_t *data, size_t size)
{
    uint32_t c = 0xffffffff;

    for (size_t i = 0; i < size; i++) {
        c ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

/* Corrects every checksum of a PNG; otherwise no change behind the first wrong one would be seen.
 */
static void fix_checksums(uint8_t *data, size_t size)
{
    for (size_t at = 8; size - at >= 12;) {
        size_t length = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 |
                        (size_t)data[at + 2] << 8 | data[at + 3];
        if (length > size - at - 12)
            return;
        uint32_t sum = crc(data + at + 4, length + 4);
        for (size_t i = 0; i < 4; i++)
            data[at + 8 + length + i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode(data, size);
    if (px_sniff((struct px_span){data, size}) != PX_FORMAT_PNG)
        return 0;
    uint8_t *copy = malloc(size);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    fix_checksums(copy, size);
    decode(copy, size);
    free(copy);
    return 0;
}
