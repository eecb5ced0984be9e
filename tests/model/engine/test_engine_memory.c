#include "tests/check.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/engine/engines.h"

/* The engine's plans within their limit of memory, and what it allocates. */

/* The linker sends every allocation of our own code through these (-Wl,--wrap). */
static atomic_long allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_memalign(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_memalign(size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_calloc(count, size);
}

void *__wrap_memalign(size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_memalign(alignment, size);
}

static void test_no_allocation(void **state)
{
    struct px_engine *engine = engines_start(2, 0);
    struct px_model *model = engines_load(&engines_small, PX_F32, true);
    struct pictures *p = pictures_draw();
    struct px_batch batch = pictures_batch(p, 0, 2, 64);
    long before = atomic_load(&allocations);

    (void)state;
    engines_run(engine, model, &batch);
    assert_true(atomic_load(&allocations) > before); /* the counter works */
    before = atomic_load(&allocations);
    engines_run(engine, model, &batch);
    assert_int_equal(atomic_load(&allocations), before);
    batch = pictures_batch(p, 0, 1, 64);
    assert_int_equal(px_engine_prepare(engine, model, &batch, NULL), 0);
    before = atomic_load(&allocations);
    engines_run(engine, model, &batch);
    assert_int_equal(atomic_load(&allocations), before);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

/* What the first plan of a batch needs, scratchpad included. */
static size_t needed(struct px_model *model, const struct px_batch *batch)
{
    struct px_engine *engine = engines_start(1, 0);

    engines_run(engine, model, batch);
    size_t bytes = px_engine_memory(engine);
    px_engine_destroy(engine);
    return bytes;
}

static void test_memory_limit(void **state)
{
    struct px_model *model = engines_load(&engines_small, PX_F32, true);
    struct pictures *p = pictures_draw();
    struct px_batch largest = pictures_batch(p, 0, 2, 128), over = pictures_batch(p, 0, 5, 128);
    size_t limit = needed(model, &largest) + 1000;
    struct px_engine *engine = engines_start(1, limit);
    struct px_error err;

    (void)state;
    for (int n = 1; n <= 5; n++) {
        struct px_batch batch = pictures_batch(p, 0, n, 64);
        engines_run(engine, model, &batch);
        assert_in_range(px_engine_memory(engine), 1, limit);
    }
    engines_run(engine, model, &largest);
    assert_in_range(px_engine_memory(engine), 1, limit);
    assert_int_equal(px_engine_run(engine, model, &over, &err), -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "5 pictures of 128x128 need"));
    assert_non_null(strstr(err.message, "the memory limit is"));
    engines_run(engine, model, &largest);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

/* Whatever the limit, the size that a refusal names is one that can be had. */
static void test_remedy(void **state)
{
    struct px_model *model = engines_load(&engines_small, PX_F32, true);
    const int multiple = px_network_multiple(px_model_network(model));
    uint8_t *pixels = calloc(3, 1024 * 1024), *out = calloc(3, 1024 * 1024);
    struct px_batch batch = {
        .n = 1, .in = (const uint8_t *const[]){pixels}, .out = (uint8_t *const[]){out}};
    int refused = 0;

    (void)state;
    for (size_t limit = (size_t)3 << 20; limit < (size_t)16 << 20; limit += (size_t)2900 << 10) {
        struct px_engine *engine = engines_start(1, limit);
        struct px_error err;
        for (int width = multiple; width <= 1024; width += 5 * multiple) {
            int largest_width, largest_height;
            batch.width = width;
            batch.height = 512;
            if (px_engine_run(engine, model, &batch, &err) == 0)
                continue;
            refused++;
            const char *remedy = strstr(err.message, "send at most");
            assert_non_null(remedy);
            assert_int_equal(sscanf(remedy, "send at most %dx%d", &largest_width, &largest_height),
                             2);
            assert_true(largest_width < width || largest_height < 512);
            batch.width = largest_width;
            batch.height = largest_height;
            engines_run(engine, model, &batch);
        }
        px_engine_destroy(engine);
    }
    assert_true(refused > 10);
    free(pixels);
    free(out);
    px_model_unref(model);
}

/* Of three plans with room for two the one used last survives, seen by what is allocated anew. */
static void test_least_recently_used(void **state)
{
    struct px_model *model = engines_load(&engines_small, PX_F32, true);
    struct pictures *p = pictures_draw();
    struct px_batch a = pictures_batch(p, 0, 1, 64), b = a, c = a;
    long before;

    (void)state;
    b.norm = PX_TEST_RUNNING;
    c.n = 2;
    size_t limit = needed(model, &c) + needed(model, &a); /* less with a shared scratchpad */
    struct px_engine *engine = engines_start(1, limit);
    engines_run(engine, model, &a);
    engines_run(engine, model, &b);
    engines_run(engine, model, &a);
    engines_run(engine, model, &c); /* b leaves */
    before = atomic_load(&allocations);
    engines_run(engine, model, &c);
    assert_int_equal(atomic_load(&allocations), before);
    engines_run(engine, model, &b);
    assert_true(atomic_load(&allocations) > before);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("allocates nothing when a size is planned", test_no_allocation),
        CHECK("keeps its plans within the memory limit", test_memory_limit),
        CHECK("names the largest size that fits, where one does not", test_remedy),
        CHECK("forgets the plan that was used least recently", test_least_recently_used),
    };

    return cmocka_run_group_tests(tests, engines_begin, engines_end);
}
