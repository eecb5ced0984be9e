#ifndef TOOLS_WORK_TRANSLATOR_H
#define TOOLS_WORK_TRANSLATOR_H

/* What the commands that translate pictures share: a checkpoint made ready by the options of the
 * command line. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "translate/translate.h"

/* Loads the model at `path` into translator->model, which the caller releases with px_model_unref()
 * also after a failure, and sets translator->norm. FORMAT if it is not a network of pictures;
 * INVALID if it lacks the statistics to normalise by; failures of px_model_load(). The file is
 * named. */
int px_tool_load_translator(struct px_translator *translator, const char *path, enum px_dtype dtype,
                            enum px_norm_choice norm, struct px_error *err);

/* Bytes for the plans of an engine (px_engine_options.memory_limit): half of what the process may
 * take, since a large picture with --fit image needs many gigabytes; 0 if that is unknown. */
size_t px_tool_plan_memory(void);

/* Reads --dropout: "off" or a seed; else USAGE. */
int px_tool_read_dropout(const char *text, bool *dropout, uint64_t *seed, struct px_error *err);

#endif
