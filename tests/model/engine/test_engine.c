#include "tests/check.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "model/dnn/cpu.h"
#include "model/engine/capacity.h"
#include "model/engine/engine.h"
#include "model/engine/layer_times.h"
#include "model/engine/observer.h"
#include "model/int8/emulate.h"
#include "tests/model/bf16.h"
#include "tests/model/generator.h"

/* The linker sends every allocation of our own code through these (-Wl,--wrap). */
static atomic_long allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

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

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_aligned_alloc(alignment, size);
}

static char path[] = "/tmp/px_engine_XXXXXX";
static const struct px_network_options small = {"unet_64",     8,    3,  3,
                                                PX_NORM_BATCH, true, 64, "AtoB"};

static struct px_engine *start(struct px_engine_options options)
{
    struct px_engine *engine = NULL;
    struct px_error err;

    if (px_engine_create(&engine, &options, &err) != 0)
        fail_msg("%s", err.message);
    return engine;
}

static struct px_model *load(const struct px_network_options *options, enum px_dtype dtype,
                             bool running)
{
    struct px_model *model = NULL;
    struct px_error err;

    generator_write(path, options, running);
    if (px_model_load(&model, path, dtype, &err) != 0)
        fail_msg("%s", err.message);
    return model;
}

enum { MOST = 5 };

/* Pictures of up to 256x256, three channels in and out, with memory for the answers. */
struct pictures {
    uint8_t in[MOST][256 * 256 * 3], out[MOST][256 * 256 * 3];
    const uint8_t *ins[MOST];
    uint8_t *outs[MOST];
    bool dropout[MOST];
    uint64_t seeds[MOST];
};

static struct pictures *draw(void)
{
    struct pictures *p = calloc(1, sizeof *p);

    for (int i = 0; i < MOST; i++) {
        for (size_t k = 0; k < sizeof p->in[i]; k++)
            p->in[i][k] = (uint8_t)(px_mix64(k / 3 / 16 + 7777 * (uint64_t)i) >> 32);
        p->ins[i] = p->in[i];
        p->outs[i] = p->out[i];
        p->dropout[i] = i % 2 == 1;
        p->seeds[i] = 100 + (uint64_t)i;
    }
    return p;
}

static struct px_batch batch_of(struct pictures *p, int first, int n, int size)
{
    return (struct px_batch){.n = n,
                             .height = size,
                             .width = size,
                             .in = p->ins + first,
                             .out = p->outs + first,
                             .dropout = p->dropout + first,
                             .seeds = p->seeds + first};
}

static void run(struct px_engine *engine, struct px_model *model, const struct px_batch *batch)
{
    struct px_error err;

    if (px_engine_run(engine, model, batch, &err) != 0)
        fail_msg("%s", err.message);
}

enum weights { PLAIN, INT8, MIXED };

static struct px_model *load_as(const struct px_network_options *options, enum px_dtype dtype,
                                enum weights weights)
{
    struct px_model *model = NULL;
    struct px_error err;

    generator_write(path, options, true);
    if (weights != PLAIN)
        generator_quantise(path, weights == INT8);
    if (px_model_load(&model, path, dtype, &err) != 0)
        fail_msg("%s", err.message);
    return model;
}

struct case_of_batches {
    struct px_network_options options;
    int size, most;
};

/* Enough channels for oneDNN to divide its work differently (256 inside), and pictures large enough
 * to go through several layers one after the other. */
static const struct case_of_batches cases_of_batches[] = {
    {{"unet_64", 32, 3, 3, PX_NORM_BATCH, true, 64, "AtoB"}, 64, 5},
    {{"encoder_decoder_32", 32, 3, 3, PX_NORM_BATCH, true, 64, "AtoB"}, 64, 5},
    {{"resnet_2blocks", 32, 3, 3, PX_NORM_BATCH, true, 64, "AtoB"}, 64, 5},
    {{"unet_32", 9, 3, 3, PX_NORM_BATCH, true, 64, "AtoB"}, 256, 2},
    {{"resnet_1blocks", 9, 3, 3, PX_NORM_INSTANCE, true, 64, "AtoB"}, 256, 2},
};
enum { CASES_OF_BATCHES = sizeof cases_of_batches / sizeof *cases_of_batches };

static void check_batches(const struct case_of_batches *c, struct px_model *model,
                          enum px_norm_mode norm)
{
    struct px_engine *engine = start((struct px_engine_options){.threads = 2, .first_cpu = -1});
    struct pictures *alone = draw(), *together = draw();
    size_t bytes = (size_t)c->size * (size_t)c->size * 3;
    static const int sizes[] = {2, 3, 5};

    for (int i = 0; i < c->most; i++) {
        struct px_batch one = batch_of(alone, i, 1, c->size);
        one.norm = norm;
        run(engine, model, &one);
    }
    for (int k = 0; k < 3 && sizes[k] <= c->most; k++) {
        struct px_batch many = batch_of(together, 0, sizes[k], c->size);
        many.norm = norm;
        run(engine, model, &many);
        for (int i = 0; i < sizes[k]; i++)
            assert_memory_equal(alone->out[i], together->out[i], bytes);
    }
    assert_memory_not_equal(alone->out[0], alone->out[1], bytes);
    free(alone);
    free(together);
    px_engine_destroy(engine);
}

static void check_all_batches(enum px_dtype dtype, enum weights weights)
{
    for (int k = 0; k < CASES_OF_BATCHES; k++) {
        const struct case_of_batches *c = &cases_of_batches[k];
        struct px_model *model = load_as(&c->options, dtype, weights);

        check_batches(c, model, PX_TEST_BATCH);
        if (c->options.norm == PX_NORM_BATCH)
            check_batches(c, model, PX_TEST_RUNNING);
        px_model_unref(model);
    }
}

static void test_batches(void **state)
{
    (void)state;
    check_all_batches(PX_F32, PLAIN);
}

static void test_batches_bf16(void **state)
{
    (void)state;
    NEEDS(has_bf16(), "bf16");
    check_all_batches(PX_BF16, PLAIN);
}

static void test_batches_int8(void **state)
{
    (void)state;
    NEEDS(px_cpu_has_int8(), "int8");
    check_all_batches(PX_S8, INT8);
    check_all_batches(PX_S8, MIXED);
}

/* Peak signal to noise, of 8 bits. */
static double psnr(const uint8_t *a, const uint8_t *b, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return 10 * log10(255.0 * 255.0 * (double)count / sum);
}

/* With running statistics, which the scales take up, and with layers of both kinds. Both round what
 * layers read to the same levels; what is left is what bf16 between layers moves over an edge. */
static void test_int8_answers(void **state)
{
    (void)state;
    NEEDS(px_cpu_has_int8(), "int8");
    for (int k = 0; k < 3; k++) {
        const struct case_of_batches *c = &cases_of_batches[k];
        struct px_engine *engine = start((struct px_engine_options){.threads = 2, .first_cpu = -1});
        struct px_model *model = load_as(&c->options, PX_S8, MIXED);
        struct px_checkpoint *checkpoint = NULL;
        struct px_emulation *emulation = NULL;
        struct pictures *p = draw(), *want = draw();
        struct px_batch batch = batch_of(p, 0, 2, c->size), same = batch_of(want, 0, 2, c->size);

        batch.norm = same.norm = PX_TEST_RUNNING;
        run(engine, model, &batch);
        assert_int_equal(px_checkpoint_open(&checkpoint, path, NULL), 0);
        assert_int_equal(px_emulation_create(&emulation, checkpoint, 2, NULL), 0);
        assert_int_equal(px_emulation_run(emulation, &same, NULL), 0);
        for (int i = 0; i < 2; i++) {
            double db = psnr(p->out[i], want->out[i], (size_t)c->size * (size_t)c->size * 3);
            print_message("# %s %d: %.1f dB\n", c->options.architecture, i, db);
            if (db < 35)
                fail_msg("%s: %.1f dB", c->options.architecture, db);
        }
        free(p);
        free(want);
        px_emulation_destroy(emulation);
        px_model_unref(model);
        px_engine_destroy(engine);
    }
}

static void test_int8_refused(void **state)
{
    struct px_model *model = NULL;
    struct px_error err;

    (void)state;
    generator_write(path, &small, true);
    assert_int_equal(px_model_load(&model, path, PX_S8, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "pix2pix convert IN OUT --dtype int8 --calibrate DIR"));
    assert_null(model);
}

static void test_bytes_follow_floats(void **state)
{
    struct px_engine *engine = start((struct px_engine_options){.threads = 2, .first_cpu = -1});
    struct px_model *model = load(&small, PX_F32, true);
    struct pictures *p = draw();
    struct px_batch batch = batch_of(p, 0, 1, 64);
    float in[64 * 64 * 3], out[64 * 64 * 3];
    struct px_batch floats = {.n = 1,
                              .height = 64,
                              .width = 64,
                              .in_f32 = (const float *const[]){in},
                              .out_f32 = (float *const[]){out}};

    (void)state;
    for (size_t i = 0; i < 64 * 64 * 3; i++)
        in[i] = (float)p->in[0][i] / 127.5f - 1.0f;
    run(engine, model, &batch);
    assert_int_equal(px_engine_run(engine, model, &floats, NULL), 0);
    for (size_t i = 0; i < 64 * 64 * 3; i++)
        assert_int_equal(p->out[0][i], (int)((out[i] + 1.0f) * 127.5f));
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

static void test_no_allocation(void **state)
{
    struct px_engine *engine = start((struct px_engine_options){.threads = 2, .first_cpu = -1});
    struct px_model *model = load(&small, PX_F32, true);
    struct pictures *p = draw();
    struct px_batch batch = batch_of(p, 0, 2, 64);
    long before = atomic_load(&allocations);

    (void)state;
    run(engine, model, &batch);
    assert_true(atomic_load(&allocations) > before); /* the counter works */
    before = atomic_load(&allocations);
    run(engine, model, &batch);
    assert_int_equal(atomic_load(&allocations), before);
    batch = batch_of(p, 0, 1, 64);
    assert_int_equal(px_engine_prepare(engine, model, &batch, NULL), 0);
    before = atomic_load(&allocations);
    run(engine, model, &batch);
    assert_int_equal(atomic_load(&allocations), before);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

/* What the first plan of a batch needs, scratchpad included. */
static size_t needed(struct px_model *model, const struct px_batch *batch)
{
    struct px_engine *engine = start((struct px_engine_options){.threads = 1, .first_cpu = -1});

    run(engine, model, batch);
    size_t bytes = px_engine_memory(engine);
    px_engine_destroy(engine);
    return bytes;
}

/* Says stop after `*context` questions. */
static bool stop_after(void *context)
{
    int *left = context;

    return (*left)-- == 0;
}

static void test_stop(void **state)
{
    struct px_model *model = load(&small, PX_F32, false);
    struct px_engine *engine = start((struct px_engine_options){.threads = 1, .first_cpu = -1});
    struct pictures *p = draw();
    struct px_batch plain = batch_of(p, 0, 2, 64), stopped = plain;
    struct px_error err;
    int left = 1000;
    size_t size = 64 * 64 * 3;

    (void)state;
    run(engine, model, &plain);
    uint8_t *wanted = malloc(size);
    memcpy(wanted, plain.out[1], size);
    stopped.stop = stop_after;
    stopped.stop_context = &left;
    run(engine, model, &stopped);
    int layers = 1000 - left;
    assert_in_range(layers, 2, 100);
    for (int i = 0; i < layers; i++) {
        left = i;
        assert_int_equal(px_engine_run(engine, model, &stopped, &err), -PX_E_INTERRUPTED);
    }
    run(engine, model, &plain);
    assert_memory_equal(plain.out[1], wanted, size);
    free(wanted);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

static void test_memory_limit(void **state)
{
    struct px_model *model = load(&small, PX_F32, true);
    struct pictures *p = draw();
    struct px_batch largest = batch_of(p, 0, 2, 128), over = batch_of(p, 0, 5, 128);
    size_t limit = needed(model, &largest) + 1000;
    struct px_engine *engine =
        start((struct px_engine_options){.threads = 1, .first_cpu = -1, .memory_limit = limit});
    struct px_error err;

    (void)state;
    for (int n = 1; n <= 5; n++) {
        struct px_batch batch = batch_of(p, 0, n, 64);
        run(engine, model, &batch);
        assert_in_range(px_engine_memory(engine), 1, limit);
    }
    run(engine, model, &largest);
    assert_in_range(px_engine_memory(engine), 1, limit);
    assert_int_equal(px_engine_run(engine, model, &over, &err), -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "5 pictures of 128x128 need"));
    assert_non_null(strstr(err.message, "the memory limit is"));
    run(engine, model, &largest);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

/* Whatever the limit, the size that a refusal names is one that can be had. */
static void test_remedy(void **state)
{
    struct px_model *model = load(&small, PX_F32, true);
    const int multiple = px_network_multiple(px_model_network(model));
    uint8_t *pixels = calloc(3, 1024 * 1024), *out = calloc(3, 1024 * 1024);
    struct px_batch batch = {
        .n = 1, .in = (const uint8_t *const[]){pixels}, .out = (uint8_t *const[]){out}};
    int refused = 0;

    (void)state;
    for (size_t limit = (size_t)3 << 20; limit < (size_t)16 << 20; limit += (size_t)2900 << 10) {
        struct px_engine *engine =
            start((struct px_engine_options){.threads = 1, .first_cpu = -1, .memory_limit = limit});
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
            run(engine, model, &batch);
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
    struct px_model *model = load(&small, PX_F32, true);
    struct pictures *p = draw();
    struct px_batch a = batch_of(p, 0, 1, 64), b = a, c = a;
    long before;

    (void)state;
    b.norm = PX_TEST_RUNNING;
    c.n = 2;
    size_t limit = needed(model, &c) + needed(model, &a); /* less with a shared scratchpad */
    struct px_engine *engine =
        start((struct px_engine_options){.threads = 1, .first_cpu = -1, .memory_limit = limit});
    run(engine, model, &a);
    run(engine, model, &b);
    run(engine, model, &a);
    run(engine, model, &c); /* b leaves */
    before = atomic_load(&allocations);
    run(engine, model, &c);
    assert_int_equal(atomic_load(&allocations), before);
    run(engine, model, &b);
    assert_true(atomic_load(&allocations) > before);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

static void test_refusals(void **state)
{
    struct px_engine *engine = start((struct px_engine_options){.threads = 1, .first_cpu = -1});
    struct px_model *model = load(&small, PX_F32, false), *none = NULL;
    struct pictures *p = draw();
    struct px_error err;
    struct px_batch batch = batch_of(p, 0, 1, 64);

    (void)state;
    batch.norm = PX_TEST_RUNNING;
    assert_int_equal(px_engine_run(engine, model, &batch, &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, "norm=batch"));
    batch = batch_of(p, 0, 1, 96);
    assert_int_equal(px_engine_run(engine, model, &batch, &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, "96x96"));
    assert_non_null(strstr(err.message, "multiples of 64"));
    batch = batch_of(p, 0, 0, 64);
    assert_int_equal(px_engine_run(engine, model, &batch, &err), -PX_E_INVALID);
    batch = batch_of(p, 0, 1, 1 << 30); /* more than there is memory in the world */
    assert_int_equal(px_engine_run(engine, model, &batch, &err), -PX_E_UNPROCESSABLE);
    assert_int_equal(px_model_load(&none, path, PX_F16, &err), -PX_E_USAGE);
    assert_int_equal(px_model_load(&none, "/nowhere.safetensors", PX_F32, &err), -PX_E_NOT_FOUND);
    assert_null(none);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

/* A quarter of 4x4 is one pixel, which nothing beside it can mirror. */
static void test_too_small(void **state)
{
    const struct px_network_options options = {"resnet_1blocks", 2,    3,   3,
                                               PX_NORM_BATCH,    true, 256, "AtoB"};
    struct px_engine *engine = start((struct px_engine_options){.threads = 1, .first_cpu = -1});
    struct px_model *model = load(&options, PX_F32, true);
    struct pictures *p = draw();
    struct px_error err;
    struct px_batch batch = batch_of(p, 0, 1, 4);

    (void)state;
    assert_int_equal(px_engine_run(engine, model, &batch, &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, "4x4: this network needs multiples of 4, at least 8"));
    batch = batch_of(p, 0, 1, 8);
    run(engine, model, &batch);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

/* `cp new.safetensors models/old.safetensors` while the daemon runs. */
static void test_overwritten_file(void **state)
{
    struct px_engine *engine = start((struct px_engine_options){.threads = 1, .first_cpu = -1});
    struct px_model *model = load(&small, PX_F32, true);
    struct pictures *p = draw();
    struct px_batch batch = batch_of(p, 0, 1, 64);
    struct px_error err;

    (void)state;
    run(engine, model, &batch);
    assert_int_equal(truncate(path, 100), 0);
    run(engine, model, &batch); /* packed already */
    batch.norm = PX_TEST_RUNNING;
    assert_int_equal(px_engine_run(engine, model, &batch, &err), -PX_E_IO);
    assert_non_null(strstr(err.message, "written to"));
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

static void test_pinning(void **state)
{
    cpu_set_t before, during, after;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    struct px_engine *engine = start((struct px_engine_options){.threads = 2, .first_cpu = 1});
    assert_int_equal(sched_getaffinity(0, sizeof during, &during), 0);
    assert_int_equal(CPU_COUNT(&during), 1);
    px_engine_destroy(engine);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
}

struct worker {
    struct px_model *model;
    struct pictures *pictures;
};

static void *work(void *context)
{
    struct worker *w = context;
    struct px_engine *engine = start((struct px_engine_options){.threads = 1, .first_cpu = -1});
    struct px_batch batch = batch_of(w->pictures, 0, 2, 64);

    for (int i = 0; i < 3; i++)
        run(engine, w->model, &batch);
    px_engine_destroy(engine);
    return NULL;
}

/* Four workers start at the same time on a model that nobody has packed yet. */
static void test_shared_model(void **state)
{
    struct px_model *model = load(&small, PX_F32, true);
    struct worker workers[4];
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        workers[i] = (struct worker){px_model_ref(model), draw()};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_memory_equal(workers[0].pictures->out, workers[i].pictures->out,
                            sizeof workers[i].pictures->out);
        px_model_unref(workers[i].model);
    }
    /* Packed once: no more than the file and a little for padding. */
    assert_in_range(px_model_memory(model), 4 * px_network_parameters(px_model_network(model)),
                    6 * px_network_parameters(px_model_network(model)));
    for (int i = 0; i < 4; i++)
        free(workers[i].pictures);
    px_model_unref(model);
}

static void test_profile(void **state)
{
    struct px_engine *engine = start((struct px_engine_options){.threads = 2, .first_cpu = -1});
    struct px_model *model = load(&small, PX_F32, false);
    const struct px_network *network = px_model_network(model);
    struct pictures *p = draw();
    const struct px_batch batch = batch_of(p, 0, 2, 64);
    struct px_layer_times profile = {0}, before;
    int64_t start_ns = px_now_ns(), sum;

    (void)state;
    px_engine_profile(engine, &profile);
    run(engine, model, &batch);
    sum = profile.in_ns;
    assert_in_range(profile.in_ns, 1, INT64_MAX);
    for (int i = 0; i < network->layer_count; i++) {
        const struct px_layer_profile *layer = &profile.layers[i];

        assert_in_range(layer->convolution_ns, 1, INT64_MAX);
        sum += layer->convolution_ns + layer->statistics_ns + layer->pass_ns;
        assert_string_equal(layer->algorithm,
                            network->layers[i].transposed ? "fourfold" : "native");
        assert_non_null(strchr(layer->implementation, ':'));
        assert_int_equal(layer->dtype, PX_F32);
    }
    assert_in_range(sum, 1, px_now_ns() - start_ns);
    before = profile;
    px_engine_profile(engine, NULL);
    run(engine, model, &batch);
    assert_memory_equal(&before, &profile, sizeof profile);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

struct seen { /* by an observer, in one run of network on n pictures */
    const struct px_network *network;
    int n, calls;
    float first[2];             /* elements of the first layer's input */
    float least[PX_MAX_LAYERS]; /* of each layer's */
};

static void *see(void *context, int layer, const struct px_grid *in)
{
    struct seen *seen = context;
    const float *x = in->data;

    assert_int_equal(layer, seen->calls++);
    assert_int_equal(in->channels, seen->network->layers[layer].in_channels);
    assert_int_equal(in->dtype, PX_F32);
    assert_int_equal(in->n, seen->n);
    assert_false(in->depth_to_space);
    if (layer == 0)
        memcpy(seen->first, x, sizeof seen->first);
    for (size_t i = 0; i < px_grid_elements(in); i++)
        if (x[i] < seen->least[layer])
            seen->least[layer] = x[i];
    return NULL;
}

/* Gives the last layer zeros to read. */
static void *blind(void *context, int layer, const struct px_grid *in)
{
    static _Alignas(64) float zeros[1 << 18];
    const struct px_network *network = context;

    assert_true(px_grid_elements(in) <= sizeof zeros / sizeof *zeros);
    return layer == network->layer_count - 1 ? zeros : NULL;
}

static void test_instead(void **state)
{
    struct px_engine *engine = start((struct px_engine_options){.threads = 2, .first_cpu = -1});
    struct px_model *model = load(&small, PX_F32, false);
    struct px_network network = *px_model_network(model);
    struct pictures *before = draw(), *p = draw();
    const struct px_batch first = batch_of(before, 0, 2, 64), batch = batch_of(p, 0, 2, 64);
    const struct px_observer observer = {blind, &network};

    (void)state;
    run(engine, model, &first);
    px_engine_observe(engine, &observer);
    run(engine, model, &batch);
    for (size_t k = 3; k < (size_t)64 * 64 * 3; k++) /* nothing but the bias */
        assert_int_equal(p->out[1][k], p->out[0][k % 3]);
    px_engine_observe(engine, NULL);
    run(engine, model, &batch);
    assert_memory_equal(p->out[1], before->out[1], 64 * 64 * 3);
    free(before);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

static void test_observer(void **state)
{
    struct px_engine *engine = start((struct px_engine_options){.threads = 2, .first_cpu = -1});
    struct px_model *model = load(&small, PX_F32, false);
    struct pictures *p = draw();
    const struct px_batch batch = batch_of(p, 0, 2, 64);
    struct seen seen = {.network = px_model_network(model), .n = 2};
    const struct px_observer observer = {see, &seen};

    (void)state;
    px_engine_observe(engine, &observer);
    run(engine, model, &batch);
    assert_int_equal(seen.calls, seen.network->layer_count);
    for (int k = 0; k < 2; k++)
        assert_float_equal(seen.first[k], p->in[0][k] / 127.5f - 1.0f, 1e-6);
    for (int i = 0; i < seen.calls; i++)
        assert_true(seen.network->layers[i].slope == 0.0f ? seen.least[i] == 0.0f
                                                          : seen.least[i] < 0.0f);
    px_engine_observe(engine, NULL);
    run(engine, model, &batch);
    assert_int_equal(seen.calls, seen.network->layer_count);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

static void test_auto(void **state)
{
    struct px_model *model = load(&small, PX_DTYPE_AUTO, false);

    (void)state;
    assert_int_equal(px_model_dtype(model), px_cpu_is_fast_in_bf16() ? PX_BF16 : PX_F32);
    px_model_unref(model);
    model = load_as(&small, PX_DTYPE_AUTO, INT8);
    assert_int_equal(px_model_dtype(model), px_cpu_has_int8()          ? PX_S8
                                            : px_cpu_is_fast_in_bf16() ? PX_BF16
                                                                       : PX_F32);
    px_model_unref(model);
}

static int make_path(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("gives the same bits alone and in any batch", test_batches),
        CHECK("gives the same bits alone and in any batch in bf16", test_batches_bf16),
        CHECK("gives the same bits alone and in any batch in int8", test_batches_int8),
        CHECK("answers in int8 as in f32, but for rounding", test_int8_answers),
        CHECK("refuses int8 without int8 weights, and says how to make them", test_int8_refused),
        CHECK("gives bytes that are its floats, truncated", test_bytes_follow_floats),
        CHECK("allocates nothing when a size is planned", test_no_allocation),
        CHECK("stops before any layer, and answers as before the next time", test_stop),
        CHECK("keeps its plans within the memory limit", test_memory_limit),
        CHECK("names the largest size that fits, where one does not", test_remedy),
        CHECK("forgets the plan that was used least recently", test_least_recently_used),
        CHECK("refuses what it cannot run, and says why", test_refusals),
        CHECK("refuses what is too small to be mirrored", test_too_small),
        CHECK("notices that a model's file was overwritten", test_overwritten_file),
        CHECK("pins its threads and lets go of them", test_pinning),
        CHECK("shares packed weights between workers", test_shared_model),
        CHECK("tells where the time of a run went", test_profile),
        CHECK("shows an observer what the convolutions read", test_observer),
        CHECK("reads what an observer gives instead, for as long as there is one", test_instead),
        CHECK("takes int8 or bf16 by itself where that is faster", test_auto),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}
