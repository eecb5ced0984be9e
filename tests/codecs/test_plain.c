#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/file.h"
#include "base/random.h"
#include "codecs/codec.h"
#include "codecs/png_plain.h"
#include "codecs/png_read.h"
#include "codecs/png_unfilter.h"

/* What png_plain.c reads, libpng must read to the same pixels; what libpng refuses, png_plain.c
 * must have left to it. */

enum { MOST = 1 << 20 };

static uint8_t file[MOST]; /* of the test that runs */
static size_t file_size;

/* A Huffman code that is not complete: the only thing that ISA-L accepts and zlib does not. */
static bool is_known_difference(const struct px_error *err)
{
    return strstr(err->message, "lengths set)") || strstr(err->message, "distances set)");
}

/* Whether the file is plain. */
static bool check_same(const char *name, uint32_t channels)
{
    struct px_span span = {file, file_size};
    struct px_error err = {0};
    struct px_header header;
    struct px_sink plain, want;

    if (!px_png_sniff(span) || px_png_probe(span, &header, NULL) != 0 || header.width == 0 ||
        header.height == 0 || (uint64_t)header.width * header.height > 1 << 18)
        return false;
    header.deep = false;
    if (!px_png_plain_read(span, &header, channels, &plain)) {
        assert_null(plain.data);
        return false;
    }
    if (px_png_read(span, &header, channels, &want, &err) != 0) {
        if (!is_known_difference(&err))
            fail_msg("%s: libpng refuses it: %s", name, err.message);
    } else {
        assert_int_equal(plain.out_width, want.out_width);
        assert_int_equal(plain.out_height, want.out_height);
        size_t size = (size_t)want.out_width * want.out_height * channels;
        if (memcmp(plain.data, want.data, size) != 0)
            fail_msg("%s: libpng reads other pixels (%u channels)", name, channels);
    }
    px_sink_clear(&plain);
    px_sink_clear(&want);
    return true;
}

static void load(const char *path)
{
    uint8_t *data;

    assert_int_equal(px_file_read(path, MOST, &data, &file_size, NULL), 0);
    memcpy(file, data, file_size);
    free(data);
}

/* How many files of the folder are plain. */
static int check_folder(const char *folder)
{
    static const char *const suffixes[] = {".png", NULL};
    char path[512];
    char **names;
    size_t n;
    int plain = 0;

    snprintf(path, sizeof path, "%s/%s", getenv("PX_TESTS"), folder);
    assert_int_equal(px_list_folder(path, suffixes, &names, &n, NULL), 0);
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", getenv("PX_TESTS"), folder, names[i]);
        load(path);
        int before = plain;
        for (uint32_t channels = 1; channels <= 4; channels++)
            plain += check_same(names[i], channels);
        assert_true(plain == before || plain == before + 4);
    }
    free(names);
    return plain / 4;
}

static void test_corpora(void **state)
{
    (void)state;
    assert_true(check_folder("codecs/data/png") >= 6);
    assert_true(check_folder("codecs/data/faults/accepted") >= 15);
    assert_true(check_folder("fuzz/corpus/image") >= 5);
    assert_int_equal(check_folder("codecs/data/faults/refused"), 0);
}

static void put(const void *data, size_t size)
{
    assert_true(size <= MOST - file_size);
    memcpy(file + file_size, data, size);
    file_size += size;
}

static void put_be32(uint32_t v)
{
    uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

    put(bytes, 4);
}

static void put_chunk(const char *type, const void *data, size_t size)
{
    put_be32((uint32_t)size);
    size_t start = file_size;
    put(type, 4);
    put(data, size);
    put_be32((uint32_t)crc32_z(0, file + start, size + 4));
}

/* A PNG that a test puts together. */
struct recipe {
    uint32_t width, height, channels;
    int filter;        /* of all rows; -1: any */
    int level, window; /* of zlib; window: 9-15 bits */
    int strategy;
    size_t piece;      /* bytes of an IDAT */
    const char *chunk; /* an empty chunk before IDAT; NULL: none */
    int rows;          /* more or fewer than the height */
    int behind;        /* bytes after the stream */
    bool adler, interlaced;
};

/* Fills the rows and returns the stream's size. */
static size_t make_stream(const struct recipe *r, struct px_random *random, uint8_t *out)
{
    static uint8_t rows[MOST];
    size_t stride = (size_t)r->width * r->channels, height = (size_t)((int)r->height + r->rows);
    z_stream z = {.next_in = rows, .avail_in = (uInt)((stride + 1) * height)};

    assert_true((stride + 1) * height <= MOST);
    for (size_t y = 0; y < height; y++) {
        uint8_t *row = rows + y * (stride + 1);
        row[0] = (uint8_t)(r->filter < 0 ? px_random_below(random, 5) : (uint32_t)r->filter);
        for (size_t i = 1; i <= stride; i++) /* some of it repeats */
            row[i] =
                (uint8_t)(px_random_below(random, 3) ? px_random_below(random, 256) : i / 16 * 37);
    }
    z.next_out = out;
    z.avail_out = MOST;
    assert_int_equal(deflateInit2(&z, r->level, Z_DEFLATED, r->window, 8, r->strategy), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t size = z.total_out;
    deflateEnd(&z);
    out[size - 1] ^= r->adler;
    memset(out + size, 0, (size_t)r->behind);
    return size + (size_t)r->behind;
}

static void make(const struct recipe *r, struct px_random *random)
{
    static const uint8_t colours[5] = {0, 0, 4, 2, 6};
    static uint8_t stream[MOST];
    uint8_t ihdr[13] = {[8] = 8, [9] = colours[r->channels], [12] = r->interlaced};
    size_t size = make_stream(r, random, stream);

    for (int i = 0; i < 4; i++) {
        ihdr[i] = (uint8_t)(r->width >> (24 - 8 * i));
        ihdr[4 + i] = (uint8_t)(r->height >> (24 - 8 * i));
    }
    file_size = 0;
    put("\x89PNG\r\n\x1a\n", 8);
    put_chunk("IHDR", ihdr, sizeof ihdr);
    if (r->chunk)
        put_chunk(r->chunk, "", 0);
    for (size_t at = 0; at < size; at += r->piece)
        put_chunk("IDAT", stream + at, size - at < r->piece ? size - at : r->piece);
    put_chunk("IEND", "", 0);
}

/* Widths of less and more than a register, all filters, blocks of all kinds, pieces of any size. */
static void test_all_kinds(void **state)
{
    static const uint32_t widths[] = {1, 2, 3, 5, 8, 16, 17, 33, 255};
    static const size_t pieces[] = {MOST, 8192, 37, 1};
    struct px_random random;
    char name[100];
    (void)state;

    px_random_seed(&random, 1);
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (uint32_t channels = 1; channels <= 4; channels++)
            for (int filter = -1; filter < 5; filter++)
                for (int level = 0; level < 4; level++) {
                    struct recipe r = {.width = widths[w],
                                       .height = 23,
                                       .channels = channels,
                                       .filter = filter,
                                       .level = level,
                                       .window = 15,
                                       .strategy = level == 3 ? Z_FIXED : Z_DEFAULT_STRATEGY,
                                       .piece = pieces[px_random_below(&random, 4)]};
                    make(&r, &random);
                    snprintf(name, sizeof name, "%ux23, %u channels, filter %d, level %d",
                             widths[w], channels, filter, level);
                    if (!check_same(name, channels) || !check_same(name, 4 - channels % 4))
                        fail_msg("%s is plain, but was left to libpng", name);
                }
}

static struct recipe *like(const struct recipe *plain, struct recipe *odd)
{
    *odd = *plain;
    return odd;
}

static void test_left_to_libpng(void **state)
{
    const struct recipe plain = {.width = 200,
                                 .height = 60,
                                 .channels = 3,
                                 .filter = -1,
                                 .level = 1,
                                 .window = 15,
                                 .piece = MOST};
    struct recipe odd[13];
    struct px_random random;
    size_t n = 0;
    (void)state;

    px_random_seed(&random, 2);
    make(&plain, &random);
    assert_true(check_same("a plain one", 3));
    like(&plain, &odd[n++])->filter = 5;
    like(&plain, &odd[n++])->rows = 1;
    like(&plain, &odd[n++])->rows = -1;
    like(&plain, &odd[n++])->adler = true;
    like(&plain, &odd[n++])->behind = 1;
    like(&plain, &odd[n++])->behind = 9;
    like(&plain, &odd[n++])->window = 9;
    like(&plain, &odd[n++])->window = 14;
    like(&plain, &odd[n++])->chunk = "tRNS";
    like(&plain, &odd[n++])->chunk = "PLTE";
    like(&plain, &odd[n++])->chunk = "IDAT";
    like(&plain, &odd[n++])->interlaced = true;
    like(&plain, &odd[n])->piece = 1; /* 36,000 IDATs */
    odd[n++].level = 0;
    for (size_t i = 0; i < n; i++) {
        make(&odd[i], &random);
        if (check_same("an odd one", 3))
            fail_msg("odd[%zu] was not left to libpng", i);
    }
    like(&plain, &odd[0])->window = 9; /* which suffices for so few bytes */
    odd[0].width = 10;
    odd[0].height = 5;
    make(&odd[0], &random);
    assert_true(check_same("a small window", 3));
}

/* Puts a chunk of zeros between two others. */
static void insert(size_t at, const char *type, size_t size, uint8_t crc_error)
{
    static uint8_t rest[MOST];
    size_t rest_size = file_size - at;

    memcpy(rest, file + at, rest_size);
    file_size = at;
    put_chunk(type, (uint8_t[16]){0}, size);
    file[file_size - 1] ^= crc_error;
    put(rest, rest_size);
}

static void test_chunks_anywhere(void **state)
{
    static const struct {
        const char *type;
        size_t size;
        bool before,
            behind; /* whether the file is plain with it before IDAT, or behind the first */
    } kinds[] = {{"tEXt", 9, true, true},    {"eXIf", 6, true, true},   {"gAMA", 4, true, true},
                 {"sBIT", 3, true, true},    {"acTL", 8, true, true},   {"fdAT", 12, true, true},
                 {"idAT", 9, true, true},    {"tRNS", 6, false, true},  {"PLTE", 3, false, false},
                 {"IHDR", 13, false, false}, {"IDAT", 0, false, false}, {"CgBI", 4, false, false}};
    enum { FIRST = 33 }; /* where IDAT begins */
    const struct recipe r = {.width = 30,
                             .height = 20,
                             .channels = 3,
                             .filter = -1,
                             .level = 1,
                             .window = 15,
                             .piece = 400};
    static uint8_t whole[1 << 16];
    struct px_random random;
    (void)state;

    px_random_seed(&random, 4);
    make(&r, &random);
    size_t size = file_size;
    assert_true(size <= sizeof whole);
    memcpy(whole, file, size);
    for (size_t k = 0; k < 2 * sizeof kinds / sizeof *kinds; k++)
        for (size_t at = FIRST; at <= size; at += at < size ? 12 + px_be32(whole + at) : 1) {
            bool want = at == size || (at == FIRST ? kinds[k / 2].before : kinds[k / 2].behind);
            memcpy(file, whole, size);
            file_size = size;
            insert(at, kinds[k / 2].type, kinds[k / 2].size, k % 2);
            if (check_same(kinds[k / 2].type, 3) != want)
                fail_msg("with %s at %zu of %zu the file is %splain", kinds[k / 2].type, at, size,
                         want ? "not " : "");
        }
}

/* Correct CRCs let damage through to what reads the stream. */
static void correct(void)
{
    for (size_t at = 8; file_size - at >= 12;) {
        size_t size = px_be32(file + at);
        if (size > file_size - at - 12)
            return;
        uLong crc = crc32_z(0, file + at + 4, size + 4);
        for (size_t i = 0; i < 4; i++)
            file[at + 8 + size + i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + size;
    }
}

static void test_damage(void **state)
{
    struct recipe r = {.width = 9, .height = 7, .channels = 3, .filter = -1, .window = 15};
    struct px_random random;
    uint8_t whole[4096];
    (void)state;

    px_random_seed(&random, 3);
    for (r.level = 0; r.level < 4; r.level++) {
        r.piece = r.level % 2 ? 50 : MOST;
        r.strategy = r.level == 3 ? Z_FIXED : Z_DEFAULT_STRATEGY;
        make(&r, &random);
        size_t size = file_size;
        assert_true(size <= sizeof whole);
        memcpy(whole, file, size);
        for (size_t bit = 0; bit < 8 * size; bit++) {
            memcpy(file, whole, size);
            file_size = size;
            file[bit / 8] ^= (uint8_t)(1u << bit % 8);
            correct();
            check_same("with a flipped bit", 3);
        }
        for (file_size = 0; file_size < size; file_size++)
            assert_false(check_same("cut short", 3));
    }
}

static int nearest(int a, int b, int c)
{
    int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);

    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

static void test_paeth(void **state)
{
    enum { PIXELS = 256 };
    uint8_t in[1 + 2 * PIXELS + PX_PNG_ROW_SLACK] = {4}, above[sizeof in], out[sizeof in];
    const struct px_png_row row = {in, above, out, 8, 4};
    (void)state;

    for (int c = 0; c < 256; c++)
        for (int a = 0; a < 256; a++)
            for (int b = 0; b < 256; b += 4) {
                for (int i = 0; i < 4; i++) { /* the first pixel becomes a */
                    in[1 + i] = (uint8_t)(a - c);
                    in[5 + i] = 0;
                    above[i] = (uint8_t)c;
                    above[4 + i] = (uint8_t)(b + i);
                }
                assert_true(px_png_unfilter(&row));
                for (int i = 0; i < 4; i++)
                    if (out[i] != a || out[4 + i] != nearest(a, b + i, c))
                        fail_msg("of %d, %d and %d not %d", a, b + i, c, out[4 + i]);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("plain PNGs of all corpora have libpng's pixels, and none that it refuses is plain",
              test_corpora),
        CHECK("plain PNGs of all widths, channels, filters and blocks have libpng's pixels",
              test_all_kinds),
        CHECK("a PNG with anything odd is left to libpng", test_left_to_libpng),
        CHECK(
            "chunks that set no pixels, wherever they are and with any CRC, change nothing; others "
            "are left to libpng",
            test_chunks_anywhere),
        CHECK("damage with correct CRCs gives no other pixels than libpng's", test_damage),
        CHECK("Paeth's choice is right for all triples", test_paeth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
