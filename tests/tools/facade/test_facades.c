#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/facade/facade.h"

enum { SIDE = 256, HOUSES = 24 };

static void draw(uint64_t index, enum px_facade_input input, struct px_image *pair)
{
    static struct px_facade facade;

    px_facade_layout(&facade, 1, index);
    if (!pair->data)
        assert_int_equal(px_image_init(pair, 2 * SIDE, SIDE, 3, NULL), 0);
    assert_int_equal(px_facade_pair(&facade, input, pair, NULL), 0);
}

static uint64_t hash(const struct px_image *image) /* FNV-1a */
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < (size_t)image->width * image->height * image->channels; i++)
        h = (h ^ image->data[i]) * UINT64_C(0x100000001b3);
    return h;
}

static void check_hashes(enum px_facade_input input, const uint64_t want[3])
{
    struct px_image pair = {0};

    for (uint64_t i = 0; i < 3; i++) {
        draw(i, input, &pair);
        if (hash(&pair) != want[i])
            fail_msg("house %d, input %d: the pixels hash to %016llx", (int)i, (int)input,
                     (unsigned long long)hash(&pair));
    }
    px_image_clear(&pair);
}

/* The shipped demo models were trained on these pictures: who changes them trains them again. */
static void test_pixels(void **state)
{
    static const uint64_t labels[3] = {UINT64_C(0xf1f35902025b1655), UINT64_C(0xd4dd4d7fb3bae148),
                                       UINT64_C(0x4fe786ae64b15c0e)},
                          sketch[3] = {UINT64_C(0x1f0c2ce4b09e64e0), UINT64_C(0x4c2adf3dbe1d8198),
                                       UINT64_C(0x2aa68e8732218f6f)},
                          day[3] = {UINT64_C(0x1ff853ee86c2ed18), UINT64_C(0x8ea607b64406394a),
                                    UINT64_C(0x9c7fbe58fe91b73e)};
    (void)state;

    check_hashes(PX_FACADE_LABELS, labels);
    check_hashes(PX_FACADE_SKETCH, sketch);
    check_hashes(PX_FACADE_DAY, day);
}

static void test_colours(void **state)
{
    static const uint32_t cmp[12] = {0x0006d9, 0x0d3dfb, 0xa50000, 0x0075ff, 0x68f898, 0x1dffdd,
                                     0xeeed28, 0xb8ff38, 0xff9204, 0xff4401, 0xf60001, 0x00c9ff};
    struct px_image pair = {0};
    unsigned seen = 0;
    (void)state;

    for (uint64_t i = 0; i < HOUSES; i++) {
        draw(i, PX_FACADE_LABELS, &pair);
        for (size_t y = 0; y < SIDE; y++)
            for (size_t x = 0; x < SIDE; x++) {
                const uint8_t *p = pair.data + (y * 2 * SIDE + x) * 3;
                uint32_t rgb = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
                size_t k = 0;
                while (k < 12 && cmp[k] != rgb)
                    k++;
                if (k == 12)
                    fail_msg("house %d has the colour %06x at %zu,%zu", (int)i, rgb, x, y);
                seen |= 1u << k;
            }
    }
    assert_int_equal(seen, 0xfff);
    px_image_clear(&pair);
}

static void test_same_house(void **state)
{
    struct px_image labels = {0}, sketch = {0};
    (void)state;

    for (uint64_t i = 0; i < HOUSES; i++) {
        draw(i, PX_FACADE_LABELS, &labels);
        draw(i, PX_FACADE_SKETCH, &sketch);
        for (size_t y = 0; y < SIDE; y++)
            assert_memory_equal(labels.data + (y * 2 + 1) * SIDE * 3,
                                sketch.data + (y * 2 + 1) * SIDE * 3, SIDE * 3);
    }
    px_image_clear(&labels);
    px_image_clear(&sketch);
}

/* The share of a sketch's dark pixels that lie within two pixels of an edge in the label map
 * (hatching and bars do not), and the share of the label map's edges that a line runs along. */
static bool dark(const struct px_image *image, size_t x, size_t y)
{
    return image->data[(y * 2 * SIDE + x) * 3] < 128;
}

static bool dark_nearby(const struct px_image *image, size_t x, size_t y)
{
    for (size_t v = y - 3; v <= y + 3; v++)
        for (size_t u = x - 3; u <= x + 3; u++)
            if (dark(image, u, v))
                return true;
    return false;
}

static void test_geometry(void **state)
{
    struct px_image labels = {0}, sketch = {0};
    size_t edges = 0, followed = 0;
    (void)state;

    for (uint64_t i = 0; i < HOUSES; i++) {
        draw(i, PX_FACADE_LABELS, &labels);
        draw(i, PX_FACADE_SKETCH, &sketch);
        for (size_t y = 4; y < SIDE - 4; y++)
            for (size_t x = 4; x < SIDE - 4; x++) {
                const uint8_t *p = labels.data + (y * 2 * SIDE + x) * 3;
                if (memcmp(p, p + 3, 3) == 0)
                    continue;
                edges++;
                followed += dark_nearby(&sketch, x, y);
            }
    }
    assert_true(edges > 10000);
    if (followed * 100 < edges * 95)
        fail_msg("lines run along %zu of %zu edges", followed, edges);
    px_image_clear(&labels);
    px_image_clear(&sketch);
}

/* The area of the sketch that is ink, in hundredths of a percent. */
static int ink_of(const struct px_image *pair)
{
    int ink = 0;

    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < SIDE; x++)
            ink += pair->data[(y * 2 * SIDE + x) * 3 + 1] < 200;
    return ink * 10000 / (SIDE * SIDE);
}

static void test_hands(void **state)
{
    static struct px_facade facade;
    struct px_image neat = {0}, loose = {0};
    int thin = 0, thick = 0, coloured = 0, fewer = 0;
    (void)state;

    assert_int_equal(px_image_init(&loose, 2 * SIDE, SIDE, 3, NULL), 0);
    for (uint64_t i = 0; i < 60; i++) {
        draw(i, PX_FACADE_SKETCH, &neat);
        px_facade_layout(&facade, 1, i);
        int parts = facade.count;
        px_facade_loosen(&facade);
        assert_in_range(facade.hand.width, 8, 64);
        assert_int_equal(px_facade_pair(&facade, PX_FACADE_SKETCH, &loose, NULL), 0);
        thin += ink_of(&loose) < ink_of(&neat);
        thick += facade.hand.width > 32;
        coloured += facade.hand.coloured;
        fewer += facade.count < parts;
    }
    assert_in_range(thin, 10, 50);
    assert_in_range(thick, 4, 40);
    assert_in_range(coloured, 4, 25);
    assert_in_range(fewer, 10, 40);
    px_image_clear(&neat);
    px_image_clear(&loose);
}

static void test_grey(void **state)
{
    struct px_image grey = {0};
    (void)state;

    draw(3, PX_FACADE_GREY, &grey);
    for (size_t i = 0; i < SIDE; i++) {
        const uint8_t *left = grey.data + (i * 2 * SIDE + i) * 3, *right = left + SIDE * 3;
        int want = (right[0] * 299 + right[1] * 587 + right[2] * 114 + 500) / 1000;

        for (int c = 0; c < 3; c++)
            assert_int_equal(left[c], want);
    }
    px_image_clear(&grey);
}

static void test_night(void **state)
{
    struct px_image night = {0}, labels = {0};
    int lit = 0;
    (void)state;

    for (uint64_t i = 0; i < HOUSES; i++) {
        int64_t day_light = 0, night_light = 0;

        draw(i, PX_FACADE_DAY, &night);
        draw(i, PX_FACADE_LABELS, &labels);
        for (size_t y = 0; y < SIDE; y++) {
            const uint8_t *day = night.data + y * 2 * SIDE * 3, *dark_row = day + SIDE * 3;

            assert_memory_equal(day, labels.data + (y * 2 + 1) * SIDE * 3, SIDE * 3);
            for (size_t x = 0; x < SIDE * 3; x += 3) {
                day_light += day[x] + day[x + 1] + day[x + 2];
                night_light += dark_row[x] + dark_row[x + 1] + dark_row[x + 2];
                lit += dark_row[x] > dark_row[x + 2] + 60 && dark_row[x] > 150;
            }
        }
        assert_true(night_light * 3 < day_light * 2);
    }
    assert_in_range(lit, HOUSES * 100, HOUSES * SIDE * SIDE / 8);
    px_image_clear(&night);
    px_image_clear(&labels);
}

static void test_sizes(void **state)
{
    static struct px_facade facade;
    static const uint32_t sides[] = {64, 200, 512, 1024};
    (void)state;

    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        struct px_image pair = {0};
        px_facade_layout(&facade, 3, i);
        assert_int_equal(px_image_init(&pair, 2 * sides[i], sides[i], 3, NULL), 0);
        assert_int_equal(px_facade_pair(&facade, PX_FACADE_SKETCH, &pair, NULL), 0);
        assert_int_equal(px_facade_pair(&facade, PX_FACADE_LABELS, &pair, NULL), 0);
        assert_int_equal(px_facade_pair(&facade, PX_FACADE_DAY, &pair, NULL), 0);
        px_image_clear(&pair);
    }
}

static void test_parts_fit(void **state)
{
    static struct px_facade facade;
    int styles = 0;
    (void)state;

    for (uint64_t i = 0; i < 3000; i++) {
        px_facade_layout(&facade, 7, i);
        assert_in_range(facade.style, 0, PX_FACADE_STYLES - 1);
        styles |= 1 << facade.style;
        if (facade.count >= PX_FACADE_MAX_PARTS - 1)
            fail_msg("house %d is cut at %d parts", (int)i, facade.count);
    }
    assert_int_equal(styles, (1 << PX_FACADE_STYLES) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("the same seed draws the same pixels on every machine", test_pixels),
        CHECK("label maps have the twelve CMP colours and no other", test_colours),
        CHECK("labels and sketch lead to the same rendering", test_same_house),
        CHECK("the sketch's lines run along the label map's edges", test_geometry),
        CHECK("loosened drawings have thin and thick pens, colours, and houses with fewer windows",
              test_hands),
        CHECK("the grey input is the rendering's luma", test_grey),
        CHECK("the night is the same house, dark, with lamps behind some of its windows",
              test_night),
        CHECK("houses can be drawn at other sizes", test_sizes),
        CHECK("no house has more parts than there is room for, and all styles occur",
              test_parts_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
