#include "tests/check.h"

#include <malloc.h>
#include <pthread.h>

#include "base/block.h"

static void test_sizes(void **state)
{
    (void)state;

    for (size_t size = 0; size <= 2 * (size_t)PX_BLOCK_MAX; size += size / 7 + 1) {
        char *block = px_block_take(size);
        assert_non_null(block);
        assert_true(malloc_usable_size(block) >= size);
        assert_int_equal((uintptr_t)block % 16, 0);
        memset(block, 0xa5, size);
        px_block_release(block);
        char *zeroed = px_block_take_zeroed(size);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(zeroed[i], 0);
        px_block_release(zeroed);
    }
    px_block_release(NULL);
}

static void test_growth(void **state)
{
    uint8_t *block = NULL;
    (void)state;

    for (size_t size = 1; size < 3 * (size_t)PX_BLOCK_MAX; size += size / 3 + 1) {
        block = px_block_grow(block, size);
        assert_non_null(block);
        block[size - 1] = (uint8_t)size;
        for (size_t before = 1; before < size; before += before / 3 + 1)
            assert_int_equal(block[before - 1], (uint8_t)before);
    }
    px_block_release(block);
}

/* Every block must be one that the thread alone has. */
static void *use_blocks(void *argument)
{
    uint8_t *own[16] = {0}, mark = *(uint8_t *)argument;
    size_t sizes[16] = {0};

    for (size_t i = 0; i < 20000; i++) {
        size_t k = i % 16;
        for (size_t j = 0; j < sizes[k]; j++)
            if (own[k][j] != mark)
                return argument;
        px_block_release(own[k]);
        sizes[k] = 1 + i * 37 % 500;
        own[k] = px_block_take(sizes[k]);
        memset(own[k], mark, sizes[k]);
    }
    for (size_t k = 0; k < 16; k++)
        px_block_release(own[k]);
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    uint8_t marks[4];
    void *failed;
    (void)state;

    for (uint8_t i = 0; i < 4; i++) {
        marks[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, use_blocks, &marks[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("blocks are as large as asked, aligned and zeroed on demand", test_sizes),
        CHECK("a block that grows keeps what is in it", test_growth),
        CHECK("no block is given to two threads at once", test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
