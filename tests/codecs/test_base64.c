#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "codecs/base64.h"

/* RFC 4648, section 10, and then what real clients send. */
static const struct {
    const char *text, *bytes;
} good[] = {
    {"", ""},
    {"Zg==", "f"},
    {"Zm8=", "fo"},
    {"Zm9v", "foo"},
    {"Zm9vYg==", "foob"},
    {"Zm9vYmE=", "fooba"},
    {"Zm9vYmFy", "foobar"},
    {"Zg", "f"},                      /* no padding */
    {"Zm8", "fo"},                    /* likewise */
    {"Zm9v\r\nYmFy\r\n", "foobar"},   /* MIME lines */
    {" Z m 9 v\tY g = = \n", "foob"}, /* white space anywhere */
    {"_-_-", "\377\357\376"},         /* URL letters */
    {"/+_-", "\377\357\376"},         /* mixed with the others */
    {"    ", ""},
};

static const struct {
    const char *text, *message;
} bad[] = {
    {"Zm9*", "not a base64 letter, at character 3 (0x2a)"},
    {"Zm9v!", "not a base64 letter, at character 4 (0x21)"},
    {"Zm9vYm\377y", "not a base64 letter, at character 6 (0xff)"},
    {"data:image/png;base64,Zm9v", "at character 4 (0x3a)"},
    {"Z", "a letter is missing, at the end (character 1)"},
    {"Zm9vY", "a letter is missing"},
    {"Z===", "more padding than the letters need, at character 1"},
    {"=", "more padding than the letters need, at character 0"},
    {"Zm9v=", "more padding than the letters need, at character 4"},
    {"Zg=", "padding is incomplete"},
    {"Zg===", "more padding than the letters need, at character 4"},
    {"Zm8==", "more padding than the letters need, at character 4"},
    {"Zg==Zg==", "only padding may follow padding, at character 4"},
    {"Zh==", "left-over bits that are not zero"},
    {"Zm9", "left-over bits that are not zero"},
    {"Zm9=", "left-over bits that are not zero, at character 3"},
};

static int decode(const char *text, size_t limit, uint8_t **data, size_t *size,
                  struct px_error *err)
{
    size_t n = strlen(text);
    uint8_t *exact = malloc(n ? n : 1); /* a sanitizer sees every byte read beyond it */

    assert_non_null(exact);
    memcpy(exact, text, n);
    int rc = px_base64_decode((struct px_span){exact, n}, limit, data, size, err);
    free(exact);
    return rc;
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct px_error err = {0};
        size_t want = strlen(good[i].bytes), size;
        uint8_t *data;
        if (decode(good[i].text, want, &data, &size, &err) != 0)
            fail_msg("'%s': %s", good[i].text, err.message);
        assert_int_equal(size, want);
        assert_memory_equal(data, good[i].bytes, size);
        free(data);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct px_error err = {0};
        size_t size;
        uint8_t *data;
        assert_int_equal(decode(bad[i].text, 1000, &data, &size, &err), -PX_E_INVALID);
        if (!strstr(err.message, bad[i].message))
            fail_msg("'%s': %s", bad[i].text, err.message);
    }
}

static void test_limit(void **state)
{
    struct px_error err = {0};
    size_t size;
    uint8_t *data;
    (void)state;

    for (size_t limit = 0; limit < 6; limit++) {
        assert_int_equal(decode("Zm9vYmFy", limit, &data, &size, &err), -PX_E_TOO_LARGE);
        assert_int_equal(decode("Z m 9 v Y m F y", limit, &data, &size, &err), -PX_E_TOO_LARGE);
    }
    assert_int_equal(decode("Zm9vYg==", 3, &data, &size, &err), -PX_E_TOO_LARGE);
    assert_non_null(strstr(err.message, "3 bytes"));
    assert_int_equal(decode("Zm9vYg==\n\n\n\n\n\n\n\n", 4, &data, &size, &err), 0);
    free(data);
    assert_int_equal(decode("Zm9v", SIZE_MAX, &data, &size, &err), 0);
    free(data);
}

static void test_round_trip(void **state)
{
    uint8_t bytes[300];
    char text[404];
    (void)state;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)px_hash(3, 1, i);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        uint8_t *back;
        size_t size;
        px_base64_encode(bytes, n, text);
        assert_int_equal(strlen(text), px_base64_size(n));
        assert_int_equal(decode(text, n, &back, &size, NULL), 0);
        assert_int_equal(size, n);
        assert_memory_equal(back, bytes, n);
        free(back);
    }
    px_base64_encode((const uint8_t *)"foob", 4, text);
    assert_string_equal(text, "Zm9vYg==");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("what clients send is decoded: lines, no padding, URL letters", test_good),
        CHECK("what is wrong is refused with its place", test_bad),
        CHECK("the limit counts decoded bytes", test_limit),
        CHECK("every length comes back as it was", test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
