#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"

static void expect_hash(const void *data, size_t size, const char *wanted)
{
    uint8_t digest[PX_SHA256_SIZE];
    char text[PX_SHA256_HEX_SIZE];

    px_sha256(data, size, digest);
    px_sha256_hex(digest, text);
    assert_string_equal(text, wanted);
}

static void test_vectors(void **state)
{
    static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

    (void)state;
    expect_hash("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_hash("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_hash(two, strlen(two),
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_million(void **state)
{
    enum { SIZE = 1000000 };
    char *text = malloc(SIZE);

    (void)state;
    assert_non_null(text);
    memset(text, 'a', SIZE);
    expect_hash(text, SIZE, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(text);
}

static void test_pieces(void **state)
{
    uint8_t data[300], whole[PX_SHA256_SIZE], pieces[PX_SHA256_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t size = 0; size <= sizeof data; size++) {
        struct px_sha256 hash;
        px_sha256(data, size, whole);
        for (size_t step = 1; step <= 130; step += 43) {
            px_sha256_init(&hash);
            for (size_t at = 0; at < size; at += step)
                px_sha256_add(&hash, data + at, size - at < step ? size - at : step);
            px_sha256_finish(&hash, pieces);
            assert_memory_equal(pieces, whole, sizeof whole);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("the standard's examples have the standard's hashes", test_vectors),
        CHECK("so has a million letters", test_million),
        CHECK("data in pieces of any size has the hash of the whole", test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
