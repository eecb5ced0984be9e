#include "codecs/exif.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, TYPE_LONG = 4, ENTRY = 12 };

struct tiff {
    const uint8_t *data;
    size_t size;
    bool big; /* "MM": most significant byte first */
};

/* The unsigned number of `bytes` bytes at `offset`; 0 if it is not all inside. */
static uint32_t number(const struct tiff *t, size_t offset, size_t bytes)
{
    uint32_t value = 0;

    if (offset > t->size || t->size - offset < bytes)
        return 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | t->data[offset + (t->big ? i : bytes - 1 - i)];
    return value;
}

bool px_exif_is_marked(struct px_span block)
{
    return block.size >= 6 && memcmp(block.data, "Exif\0", 6) == 0;
}

int px_exif_orientation(struct px_span block)
{
    struct tiff t = {block.data, block.size, false};

    if (px_exif_is_marked(block)) {
        t.data += 6;
        t.size -= 6;
    }
    if (t.size < 8 || (memcmp(t.data, "II", 2) != 0 && memcmp(t.data, "MM", 2) != 0))
        return 1;
    t.big = t.data[0] == 'M';
    if (number(&t, 2, 2) != 42)
        return 1;
    size_t ifd = number(&t, 4, 4);
    size_t entries = number(&t, ifd, 2); /* at most 65535; reads past the end give 0 */
    for (size_t i = 0; i < entries; i++) {
        size_t entry = ifd + 2 + i * ENTRY;
        if (entry > t.size || t.size - entry < ENTRY)
            return 1;
        if (number(&t, entry, 2) != TAG_ORIENTATION)
            continue;
        uint32_t type = number(&t, entry + 2, 2);
        uint32_t value = type == TYPE_SHORT  ? number(&t, entry + 8, 2)
                         : type == TYPE_LONG ? number(&t, entry + 8, 4)
                                             : 0;
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}
