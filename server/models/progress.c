#include "server/models/progress.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct px_model_progress {
    atomic_int references, phase; /* the phase is set after what it promises */
    atomic_bool wanted;
    double seconds;
    char hash[PX_SHA256_HEX_SIZE];
    struct px_error error;
};

struct px_model_progress *px_model_progress_create(void)
{
    struct px_model_progress *progress = calloc(1, sizeof *progress);

    if (progress)
        atomic_init(&progress->references, 1);
    return progress;
}

struct px_model_progress *px_model_progress_ref(struct px_model_progress *progress)
{
    atomic_fetch_add(&progress->references, 1);
    return progress;
}

void px_model_progress_unref(struct px_model_progress *progress)
{
    if (progress && atomic_fetch_sub(&progress->references, 1) == 1)
        free(progress);
}

enum px_model_phase px_model_progress_phase(const struct px_model_progress *progress)
{
    return (enum px_model_phase)atomic_load(&progress->phase);
}

void px_model_progress_finish(struct px_model_progress *progress,
                              const char hash[static PX_SHA256_HEX_SIZE], double seconds)
{
    assert(px_model_progress_phase(progress) == PX_MODEL_LOADING);
    memcpy(progress->hash, hash, sizeof progress->hash);
    progress->seconds = seconds;
    atomic_store(&progress->phase, PX_MODEL_READY);
}

void px_model_progress_fail(struct px_model_progress *progress, const struct px_error *why)
{
    assert(px_model_progress_phase(progress) == PX_MODEL_LOADING);
    progress->error = *why;
    atomic_store(&progress->phase, PX_MODEL_FAILED);
}

const char *px_model_progress_hash(const struct px_model_progress *progress)
{
    return px_model_progress_phase(progress) == PX_MODEL_READY ? progress->hash : "";
}

double px_model_progress_seconds(const struct px_model_progress *progress)
{
    return px_model_progress_phase(progress) == PX_MODEL_READY ? progress->seconds : 0;
}

const struct px_error *px_model_progress_error(const struct px_model_progress *progress)
{
    return px_model_progress_phase(progress) == PX_MODEL_FAILED ? &progress->error : NULL;
}

void px_model_progress_want(struct px_model_progress *progress)
{
    atomic_store(&progress->wanted, true);
}

bool px_model_progress_is_wanted(const struct px_model_progress *progress)
{
    return atomic_load(&progress->wanted);
}
