#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/codec.h"
#include "codecs/png_plain.h"
#include "codecs/png_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small enough that no input takes long. */
static const struct px_decode_limits limits = {.max_pixels = 1 << 18, .max_side = 4096};

/* Probes and decodes. If the decoder succeeds, the picture must have the size that the probe
 * announced. */
static void decode(const uint8_t *data, size_t size)
{
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

/* What png_plain.c reads, libpng must read to the same pixels, but for Huffman codes that are not
 * complete (png_plain.h). */
static void compare(const uint8_t *data, size_t size)
{
    struct px_span file = {data, size};
    struct px_image_info info;
    struct px_header header;
    struct px_sink plain, want;
    struct px_error err;

    if (px_image_probe(file, &limits, &info, &err) || px_png_probe(file, &header, &err))
        return;
    header.deep = false;
    if (!px_png_plain_read(file, &header, info.channels, &plain))
        return;
    if (px_png_read(file, &header, info.channels, &want, &err) == 0) {
        if (memcmp(plain.data, want.data, (size_t)info.width * info.height * info.channels) != 0)
            abort();
    } else if (!strstr(err.message, "lengths set)") && !strstr(err.message, "distances set)")) {
        abort();
    }
    px_sink_clear(&plain);
    px_sink_clear(&want);
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
    compare(copy, size);
    fix_checksums(copy, size);
    decode(copy, size);
    compare(copy, size);
    free(copy);
    return 0;
}
