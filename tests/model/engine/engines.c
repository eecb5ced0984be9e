#include "tests/model/engine/engines.h"

#include "tests/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/random.h"
#include "tests/model/generator.h"

char engines_path[] = "/tmp/px_engine_XXXXXX";
const struct px_network_options engines_small = {"unet_64",     8,    3,  3,
                                                 PX_NORM_BATCH, true, 64, "AtoB"};

int engines_begin(void **state)
{
    int fd = mkstemp(engines_path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

int engines_end(void **state)
{
    (void)state;
    return unlink(engines_path);
}

struct px_engine *engines_start(int threads, size_t memory_limit)
{
    const struct px_engine_options options = {
        .threads = threads, .first_cpu = -1, .memory_limit = memory_limit};
    struct px_engine *engine = NULL;
    struct px_error err;

    if (px_engine_create(&engine, &options, &err) != 0)
        fail_msg("%s", err.message);
    return engine;
}

static struct px_model *load(enum px_dtype dtype)
{
    struct px_model *model = NULL;
    struct px_error err;

    if (px_model_load(&model, engines_path, dtype, &err) != 0)
        fail_msg("%s", err.message);
    return model;
}

struct px_model *engines_load(const struct px_network_options *options, enum px_dtype dtype,
                              bool running)
{
    generator_write(engines_path, options, running);
    return load(dtype);
}

struct px_model *engines_load_as(const struct px_network_options *options, enum px_dtype dtype,
                                 enum weights weights)
{
    generator_write(engines_path, options, true);
    if (weights != PLAIN)
        generator_quantise(engines_path, weights == INT8);
    return load(dtype);
}

struct pictures *pictures_draw(void)
{
    struct pictures *p = calloc(1, sizeof *p);

    for (int i = 0; i < MOST_PICTURES; i++) {
        for (size_t k = 0; k < sizeof p->in[i]; k++)
            p->in[i][k] = (uint8_t)(px_mix64(k / 3 / 16 + 7777 * (uint64_t)i) >> 32);
        p->ins[i] = p->in[i];
        p->outs[i] = p->out[i];
        p->dropout[i] = i % 2 == 1;
        p->seeds[i] = 100 + (uint64_t)i;
    }
    return p;
}

struct px_batch pictures_batch(struct pictures *p, int first, int n, int size)
{
    return (struct px_batch){.n = n,
                             .height = size,
                             .width = size,
                             .in = p->ins + first,
                             .out = p->outs + first,
                             .dropout = p->dropout + first,
                             .seeds = p->seeds + first};
}

void engines_run(struct px_engine *engine, struct px_model *model, const struct px_batch *batch)
{
    struct px_error err;

    if (px_engine_run(engine, model, batch, &err) != 0)
        fail_msg("%s", err.message);
}
