#ifndef TRANSLATE_TRANSLATE_H
#define TRANSLATE_TRANSLATE_H

/* From a picture to the network's answer: at which size the network runs, by which statistics it
 * normalises, the run, and the way back to the size of the answer. The daemon and the tools share
 * it, so that both give the same pixels.
 *
 * Plain functions without state; a call uses its engine on the thread that created it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/fit.h"
#include "codecs/image.h"
#include "model/engine/engine.h"

/* Which statistics a user asks for. */
enum px_norm_choice { PX_NORM_BY_CHECKPOINT, PX_NORM_BY_BATCH, PX_NORM_BY_RUNNING };
#define PX_NORM_CHOICES "default|batch|running" /* their names, in order, for tables of options */

/* The mode that a choice stands for. BY_CHECKPOINT is what the checkpoint's test_norm says, which
 * is batch unless it says running. Whether the checkpoint has running statistics is another
 * question: px_model_check_norm(). */
enum px_norm_mode px_translate_norm(const struct px_checkpoint *checkpoint,
                                    enum px_norm_choice choice);

/* The fit of a picture of width x height (1..65535 each) to a network. */
struct px_fit px_translate_fit(const struct px_network *network, enum px_fit_mode mode,
                               uint32_t width, uint32_t height);

/* What runs pictures, all of it borrowed. */
struct px_translator {
    struct px_engine *engine;
    struct px_model *model;
    enum px_norm_mode norm;
    /* As px_batch's: asked between layers whether to end the run; NULL: never. */
    bool (*stop)(void *stop_context);
    void *stop_context;
};

enum { PX_TRANSLATE_MAX_BATCH = 64 };

/* One of the pictures that go through the network together. */
struct px_translated {
    const struct px_image *input; /* input_nc channels, of the size that px_fit_input() gives */
    struct px_image *answer;      /* px_translate_create_answer() */
    bool dropout;
    uint64_t seed; /* if dropout is on */
};

/* Creates the empty answer to an input: output_nc channels, the same size. NOMEM. */
int px_translate_create_answer(const struct px_model *model, const struct px_image *input,
                               struct px_image *answer, struct px_error *err);

/* Fills the answers to n inputs (1..PX_TRANSLATE_MAX_BATCH) of one size. Fails as
 * px_engine_run(). */
int px_translate_run(const struct px_translator *translator, const struct px_translated *pictures,
                     int n, struct px_error *err);

/* How one picture is translated. */
struct px_translate_options {
    enum px_fit_mode fit;
    bool dropout;
    uint64_t seed; /* if dropout is on */
};

/* Replaces a picture of any size, input_nc channels, by its answer. On failure (as px_engine_run(),
 * NOMEM) *image holds nothing or a picture; clear it either way. */
int px_translate_image(const struct px_translator *translator,
                       const struct px_translate_options *options, struct px_image *image,
                       struct px_error *err);

#endif
