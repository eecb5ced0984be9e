#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "codecs/codec.h"

/* Real files have faults: those that cannot change a pixel are accepted, with equal pixels, the
 * others are refused. make_faults.py beside this file says what data/faults/ holds. */

static int decode(const char *path, uint32_t channels, struct px_image *image, struct px_error *err)
{
    uint8_t *data;
    size_t size;

    assert_int_equal(px_file_read(path, 1 << 20, &data, &size, NULL), 0);
    int rc = px_image_decode((struct px_span){data, size}, NULL, channels, image, err);
    free(data);
    return rc;
}

/* path: of BASE.FAULT.EXT, which must look as data/jpeg/BASE.jpg or data/png/BASE.png does. */
static void check_equal(const char *path, const char *name)
{
    const char *extension = strrchr(name, '.') + 1;
    char base[512];

    snprintf(base, sizeof base, "%s/codecs/data/%s/%.*s.%s", getenv("PX_TESTS"),
             strcmp(extension, "jpg") == 0 ? "jpeg" : extension, (int)strcspn(name, "."), name,
             extension);
    for (uint32_t channels = 1; channels <= 4; channels++) {
        struct px_image want, image;
        struct px_error err = {0};
        assert_int_equal(decode(base, channels, &want, &err), 0);
        if (decode(path, channels, &image, &err) != 0)
            fail_msg("%s: %s", name, err.message);
        assert_int_equal(image.width, want.width);
        assert_int_equal(image.height, want.height);
        if (memcmp(image.data, want.data, (size_t)want.width * want.height * channels) != 0)
            fail_msg("%s has other pixels than %s", name, base);
        px_image_clear(&image);
        px_image_clear(&want);
    }
}

static void check_accepted(const char *suffix, size_t at_least)
{
    const char *const suffixes[] = {suffix, NULL};
    char folder[400], path[512];
    char **names;
    size_t n;

    snprintf(folder, sizeof folder, "%s/codecs/data/faults/accepted", getenv("PX_TESTS"));
    assert_int_equal(px_list_folder(folder, suffixes, &names, &n, NULL), 0);
    assert_true(n >= at_least);
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        check_equal(path, names[i]);
    }
    free(names);
}

static void test_jpeg(void **state)
{
    (void)state;
    check_accepted(".jpg", 30);
}

static void test_png(void **state)
{
    (void)state;
    check_accepted(".png", 28);
}

#define DAMAGED "; send an undamaged copy or save it anew"
#define CUT "; send the whole file"

static void test_refused(void **state)
{
    static const struct {
        const char *name, *message;
    } rows[] = {
        {"baseline.no-eoi.jpg", "the JPEG is cut short (Premature end of input file)" CUT},
        {"baseline.half.jpg", "the JPEG is cut short (Premature end of input file)" CUT},
        {"baseline.entropy-missing.jpg", "premature end of data segment)" DAMAGED},
        {"baseline.entropy-wrong.jpg", "bad Huffman code)" DAMAGED},
        {"baseline.restart-missing.jpg", "found marker 0xd2 instead of RST1)" DAMAGED},
        {"baseline.restarts-swapped.jpg", "found marker 0xd5 instead of RST0)" DAMAGED},
        {"baseline.scan-missing.jpg", "Inconsistent progression sequence"},
        {"baseline.junk-instead-of-frame.jpg", "the JPEG ends inside its header"},
        {"baseline.junk-with-marker.jpg", "Unsupported marker type 0xde)" DAMAGED},
        {"baseline.no-frame.jpg", "the JPEG is damaged: no frame header before byte 590" DAMAGED},
        {"rgb-8-trns.trns-crc.png", "the PNG is damaged (tRNS: CRC error)" DAMAGED},
        {"rgb-8-trns.trns-name.png", "chunk at byte 33 is a tRNS with a wrong name" DAMAGED},
        {"rgb-8-trns.trns-name-invalid.png", "is a tRNS with a wrong name" DAMAGED},
        {"palette-4.plte-crc.png", "(PLTE: CRC error)" DAMAGED},
        {"palette-4.plte-missing.png", "Missing PLTE"},
        {"rgb-8.plte-crc.png", "(PLTE: CRC error)" DAMAGED},
        {"rgb-8.ihdr-crc.png", "(IHDR: CRC error)" DAMAGED},
        {"rgb-8.idat-crc.png", "(IDAT: CRC error)" DAMAGED},
        {"rgb-8.idat-name.png", "the PNG is damaged"},
        {"rgb-8.idat-cut.png", "(Not enough image data)" DAMAGED},
        {"rgb-8.adler.png", "(IDAT: incorrect data check)" DAMAGED},
        {"rgb-8.adler-missing.png", "(Not enough image data)" DAMAGED},
        {"rgb-8.iend-missing.png",
         "the PNG is cut short: its chunk at byte 428 is not complete" CUT},
        {"rgb-8.iend-without-crc.png", "its chunk at byte 428 is not complete" CUT},
        {"rgb-8.critical.png", "(CgBI: unhandled critical chunk)"},
        {"rgb-8.critical-name.png", "the PNG is damaged (I[01]AT: "}, /* then as libpng puts it */
        {"rgb-8.text-too-long.png", "its chunk at byte 33 is not complete" CUT},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[512];
        struct px_image image = {0};
        struct px_error err = {0};
        snprintf(path, sizeof path, "%s/codecs/data/faults/refused/%s", getenv("PX_TESTS"),
                 rows[i].name);
        if (decode(path, 3, &image, &err) != -PX_E_UNPROCESSABLE)
            fail_msg("%s was taken for a picture", rows[i].name);
        assert_null(image.data);
        if (!strstr(err.message, rows[i].message))
            fail_msg("%s: expected '%s' in '%s'", rows[i].name, rows[i].message, err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a JPEG with a fault that no pixel depends on gives the same pixels as without it",
              test_jpeg),
        CHECK("so is a PNG", test_png),
        CHECK("a fault that can change a pixel is refused, with advice that fits", test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
