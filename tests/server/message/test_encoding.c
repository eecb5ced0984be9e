#include "tests/check.h"

#include <string.h>

#include <zlib.h>

#include "server/message/encoding.h"

static const struct {
    const char *header;
    bool gzip;
} rows[] = {
    {NULL, false},
    {"", false},
    {"gzip", true},
    {"GZip", true},
    {"br, gzip", true},
    {"gzip;q=0", false},
    {"gzip;q=0.000", false},
    {"gzip; q=0.001", true},
    {"gzip;q=1", true},
    {"*", true},
    {"*;q=0", false},
    {"*, gzip;q=0", false},
    {"gzip;q=0, *", false},
    {"identity, br", false},
    {"gzipped, x-gzip", false},
    {",;q=,", false},
};

static void test_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (px_encoding_allows_gzip(rows[i].header) != rows[i].gzip)
            fail_msg("Accept-Encoding: %s", rows[i].header);
}

static void check_round_trip(const uint8_t *data, size_t size)
{
    static uint8_t back[100000];
    struct px_buffer packed = {0};
    z_stream stream = {0};

    assert_true(px_encoding_gzip((struct px_span){data, size}, &packed));
    stream.next_in = packed.data;
    stream.avail_in = (uInt)packed.size;
    stream.next_out = back;
    stream.avail_out = sizeof back;
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, size);
    assert_memory_equal(back, data, size);
    inflateEnd(&stream);
    px_buffer_clear(&packed);
}

static void test_gzip(void **state)
{
    static uint8_t data[100000];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * i >> 7);
    check_round_trip(data, 1);
    check_round_trip(data, 511);
    check_round_trip(data, sizeof data);
}

static void test_tags(void **state)
{
    char one[PX_ENTITY_TAG_SIZE], same[PX_ENTITY_TAG_SIZE], other[PX_ENTITY_TAG_SIZE], list[100];

    (void)state;
    px_entity_tag((struct px_span){(const uint8_t *)"abcdefghi", 9}, one);
    px_entity_tag((struct px_span){(const uint8_t *)"abcdefghij", 9}, same);
    px_entity_tag((struct px_span){(const uint8_t *)"abcdefghj", 9}, other);
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
    px_entity_tag((struct px_span){(const uint8_t *)"abcdefghi\0", 10}, other);
    assert_string_not_equal(one, other);

    snprintf(list, sizeof list, "\"x\", %s", one);
    assert_true(px_entity_tag_matches(one, one));
    assert_true(px_entity_tag_matches(one + 2, one));
    assert_true(px_entity_tag_matches(list, one));
    assert_true(px_entity_tag_matches(" *", one));
    assert_false(px_entity_tag_matches(NULL, one));
    assert_false(px_entity_tag_matches("\"x\"", one));
    assert_false(px_entity_tag_matches(other, one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("Accept-Encoding allows gzip or not as the table says", test_allowed),
        CHECK("what is compressed comes back", test_gzip),
        CHECK("entity tags are equal for equal bytes only, and are found in lists", test_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
