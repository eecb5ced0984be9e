#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/buffer.h"

static void test_append(void **state)
{
    struct px_buffer b = {0};
    (void)state;

    assert_string_equal(px_buffer_text(&b), "");
    assert_true(px_buffer_append_text(&b, "one "));
    assert_true(px_buffer_append(&b, "two\0!", 5));
    assert_true(px_buffer_append(&b, NULL, 0));
    assert_true(px_buffer_appendf(&b, " %d %s", 3, "four"));
    assert_int_equal(b.size, 16);
    assert_memory_equal(b.data, "one two\0! 3 four", 17); /* with the NUL */
    px_buffer_clear(&b);
    assert_null(b.data);
    px_buffer_clear(&b);
}

static void test_growth(void **state)
{
    struct px_buffer b = {0};
    char line[16];
    (void)state;

    for (int i = 0; i < 100000; i++)
        assert_true(px_buffer_appendf(&b, "%08d\n", i));
    assert_int_equal(b.size, 900000);
    for (int i = 0; i < 100000; i += 977) {
        snprintf(line, sizeof line, "%08d\n", i);
        assert_memory_equal(b.data + 9 * i, line, 9);
    }
    assert_true(b.capacity < 4 * b.size);
    px_buffer_clear(&b);
}

static void test_reserve(void **state)
{
    struct px_buffer b = {0};
    (void)state;

    char *to = px_buffer_reserve(&b, 1000);
    assert_non_null(to);
    assert_int_equal(b.size, 0);
    memset(to, 'x', 1000);
    b.size += 1000;
    uint8_t *before = b.data;
    assert_true(px_buffer_append(&b, NULL, 0));
    assert_ptr_equal(b.data, before); /* there was room for the NUL */
    assert_int_equal(strlen(px_buffer_text(&b)), 1000);
    px_buffer_clear(&b);
}

static void test_failure(void **state)
{
    struct px_buffer b = {0};
    size_t size = 7;
    (void)state;

    assert_true(px_buffer_append_text(&b, "kept"));
    assert_null(px_buffer_reserve(&b, SIZE_MAX - 4)); /* overflows */
    assert_true(b.failed);
    assert_false(px_buffer_append_text(&b, "more"));
    assert_false(px_buffer_appendf(&b, "%d", 1));
    assert_string_equal(px_buffer_text(&b), "kept");
    assert_null(px_buffer_take(&b, &size));
    assert_int_equal(size, 0);
    assert_false(b.failed);
    px_buffer_clear(&b);
}

static void test_take(void **state)
{
    struct px_buffer b = {0};
    size_t size;
    (void)state;

    px_buffer_append_text(&b, "mine");
    char *text = px_buffer_take(&b, &size);
    assert_string_equal(text, "mine");
    assert_int_equal(size, 4);
    assert_true(!b.data && b.size == 0 && b.capacity == 0);
    free(text);
    text = px_buffer_take(&b, NULL);
    assert_string_equal(text, "");
    free(text);
}

static void test_array(void **state)
{
    struct item {
        int a[5];
    } *list = NULL;
    size_t capacity = 0, moves = 0;
    (void)state;

    for (size_t count = 0; count < 10000; count++) {
        struct item *more = px_array_grow(list, &capacity, count + 1, sizeof *list);
        assert_non_null(more);
        assert_true(capacity > count);
        moves += more != list;
        list = more;
        list[count] = (struct item){{(int)count}};
    }
    for (int i = 0; i < 10000; i++)
        assert_int_equal(list[i].a[0], i);
    assert_in_range(moves, 1, 13);
    size_t before = capacity;
    assert_null(px_array_grow(list, &capacity, SIZE_MAX / 8, sizeof *list));
    assert_int_equal(capacity, before);
    free(list);
    capacity = 0;
    list = px_array_grow(NULL, &capacity, 0, sizeof *list); /* an array that may stay empty */
    assert_non_null(list);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("appended bytes are in the buffer, with a NUL behind it", test_append),
        CHECK("a buffer grows by doubling and keeps its content", test_growth),
        CHECK("reserved room may be filled by the caller", test_reserve),
        CHECK("a failure is remembered and keeps what was there", test_failure),
        CHECK("the memory is handed over and the buffer starts again", test_take),
        CHECK("an array grows by doubling and refuses what cannot be", test_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
