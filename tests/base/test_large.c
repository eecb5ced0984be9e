#include "tests/check.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/large.h"
#include "base/sanitized.h"

static void test_aligned_and_whole(void **state)
{
    static const size_t sizes[] = {1, 64, 1000, (2 << 20) - 1, 2 << 20, (5 << 20) + 12345};
    (void)state;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *memory = px_large_alloc(sizes[i]);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 64, 0);
        memset(memory, 1, sizes[i]);
        assert_int_equal(memory[sizes[i] - 1], 1);
        free(memory);
    }
}

static bool is_mapped(const void *address)
{
    unsigned char in_memory;
    void *page = (void *)((uintptr_t)address & ~(uintptr_t)4095);

    return mincore(page, 1, &in_memory) == 0;
}

static void test_maps(void **state)
{
    static const size_t sizes[] = {1, 256 << 10, (2 << 20) - 1, 2 << 20, (5 << 20) + 12345};
    (void)state;

    px_large_unmap(NULL, 0);
    px_large_unmap(NULL, 5 << 20);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *memory = px_large_map(sizes[i]);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 64, 0);
        if (sizes[i] >= 2 << 20)
            assert_int_equal((uintptr_t)memory % (2 << 20), 0);
        memset(memory, 1, sizes[i]);
        assert_int_equal(memory[sizes[i] - 1], 1);
        px_large_unmap(memory, sizes[i]);
        if (!PX_SANITIZED && sizes[i] >= 256 << 10)
            assert_false(is_mapped(memory));
    }
}

static bool offered(void)
{
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    char line[100] = "";

    if (file && !fgets(line, sizeof line, file))
        line[0] = '\0';
    if (file)
        fclose(file);
    return strstr(line, "[madvise]") || strstr(line, "[always]");
}

/* KiB of huge pages in the mapping of `address`. */
static long huge_at(const void *address)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[400];
    unsigned long from, to;
    bool inside = false;
    long found = -1;

    assert_non_null(file);
    while (found < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (uintptr_t)address >= from && (uintptr_t)address < to;
        else if (inside)
            sscanf(line, "AnonHugePages: %ld", &found);
    fclose(file);
    return found;
}

static void test_huge(void **state)
{
    enum { SIZE = 32 << 20 };
    (void)state;
    mallopt(M_PERTURB, 0); /* malloc() must not touch the pages first: they would be small */
    char *memory = px_large_alloc(SIZE);

    assert_non_null(memory);
    if (!offered()) {
        free(memory);
        skip();
    }
    memset(memory, 1, SIZE);
    assert_true(huge_at(memory) > 0);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("large memory of any size is aligned to 64 and can be written to its end",
              test_aligned_and_whole),
        CHECK("mappings, too, and the kernel has them back when they are released", test_maps),
        CHECK("large memory is on huge pages if the kernel offers them", test_huge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
