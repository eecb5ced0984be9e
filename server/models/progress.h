#ifndef SERVER_MODELS_PROGRESS_H
#define SERVER_MODELS_PROGRESS_H

/* How far a model has come. Its file is open and described; then every weight is looked at, the
 * file hashed, the weights packed and a picture tried. Until that is done the model is LOADING;
 * afterwards nothing here changes. Shared by all registries that have the model. Any thread. */

#include <stdbool.h>

#include "base/error.h"
#include "base/sha256.h"

enum px_model_phase { PX_MODEL_LOADING, PX_MODEL_READY, PX_MODEL_FAILED };

struct px_model_progress;

/* LOADING, with one reference; NULL without memory. */
struct px_model_progress *px_model_progress_create(void);
struct px_model_progress *px_model_progress_ref(struct px_model_progress *progress);
void px_model_progress_unref(struct px_model_progress *progress); /* accepts NULL */

enum px_model_phase px_model_progress_phase(const struct px_model_progress *progress);

/* Once: makes it READY, or FAILED for the reason given. */
void px_model_progress_finish(struct px_model_progress *progress,
                              const char hash[static PX_SHA256_HEX_SIZE], double seconds);
void px_model_progress_fail(struct px_model_progress *progress, const struct px_error *why);

/* Of the file; "" unless READY. */
const char *px_model_progress_hash(const struct px_model_progress *progress);
/* How long it took to read and check the file; 0 unless READY. */
double px_model_progress_seconds(const struct px_model_progress *progress);
/* NULL unless FAILED. */
const struct px_error *px_model_progress_error(const struct px_model_progress *progress);

/* Requests for a model have it loaded before those that nothing waits for. */
void px_model_progress_want(struct px_model_progress *progress);
bool px_model_progress_is_wanted(const struct px_model_progress *progress);

#endif
