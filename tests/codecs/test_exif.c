#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "codecs/exif.h"

/* A TIFF header, then a directory of `entries`; the orientation is what is read. */
#define II "II*\0\10\0\0\0"
#define MM "MM\0*\0\0\0\10"
#define II_ENTRY(tag, type, value) tag "\1" type "\0\1\0\0\0" value "\0\0\0"

#define BYTES(text) text, sizeof text - 1

static const struct {
    const char *what, *data;
    size_t size;
    int orientation;
} rows[] = {
    {"little-endian", BYTES(II "\1\0" II_ENTRY("\x12", "\3", "\6")), 6},
    {"big-endian", BYTES(MM "\0\1\1\x12\0\3\0\0\0\1\0\10\0\0"), 8},
    {"behind the marker of JPEG", BYTES("Exif\0\0" II "\1\0" II_ENTRY("\x12", "\3", "\3")), 3},
    {"the second entry", BYTES(II "\2\0" II_ENTRY("\x0f", "\3", "\5") II_ENTRY("\x12", "\3", "\2")),
     2},
    {"a number of four bytes", BYTES(II "\1\0" II_ENTRY("\x12", "\4", "\7")), 7},
    {"a text", BYTES(II "\1\0" II_ENTRY("\x12", "\2", "\7")), 1},
    {"no orientation", BYTES(II "\1\0" II_ENTRY("\x0f", "\3", "\6")), 1},
    {"0, which means nothing", BYTES(II "\1\0" II_ENTRY("\x12", "\3", "\0")), 1},
    {"9, which means nothing", BYTES(II "\1\0" II_ENTRY("\x12", "\3", "\11")), 1},
    {"an entry that is cut short", BYTES(II "\1\0\x12\1\3\0\1\0\0\0\6\0\0"), 1},
    {"a directory that lies outside", BYTES("II*\0\xff\xff\xff\xff\1\0"), 1},
    {"another magic number", BYTES("II+\0\10\0\0\0\1\0" II_ENTRY("\x12", "\3", "\6")), 1},
    {"another byte order", BYTES("IM*\0\10\0\0\0\1\0" II_ENTRY("\x12", "\3", "\6")), 1},
    {"the header alone", BYTES(II), 1},
    {"nothing", BYTES(""), 1},
};

static void test_orientation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        /* A block of the exact size, so that a sanitizer sees a read behind it. */
        uint8_t *data = malloc(rows[i].size + !rows[i].size);
        memcpy(data, rows[i].data, rows[i].size);
        int orientation = px_exif_orientation((struct px_span){data, rows[i].size});
        free(data);
        if (orientation != rows[i].orientation)
            fail_msg("%s: %d instead of %d", rows[i].what, orientation, rows[i].orientation);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("the orientation is found, or is 1, as the table says", test_orientation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
