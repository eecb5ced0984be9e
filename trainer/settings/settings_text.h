#ifndef TRAINER_SETTINGS_SETTINGS_TEXT_H
#define TRAINER_SETTINGS_SETTINGS_TEXT_H

/* The settings as text: for states and checkpoints, which must agree on them, and for people. */

#include <stdbool.h>
#include <stddef.h>

#include "model/formats/safetensors.h"
#include "trainer/settings/settings.h"

/* The settings that decide what the weights become, as text: keys are the options' names with
 * underscores. Those that do not (paths, threads, how often to print or save, whether it is a
 * resumed run) are left out, and so are options at their default that were added after the first
 * trainings, so that those can be continued. The first `network_count` entries are those of the
 * network, which a checkpoint states in its own words. The entries point into the struct; do not
 * copy it. */
enum { PX_SETTINGS_MAX = 64 };

struct px_train_settings_text {
    struct px_metadata entries[PX_SETTINGS_MAX];
    size_t network_count, count;
    char keys[PX_SETTINGS_MAX][32], values[PX_SETTINGS_MAX][32];
};

void px_train_settings_describe(const struct px_train_settings *settings,
                                struct px_train_settings_text *text);

/* The index-th option as text, for people. False beyond the last one. */
struct px_train_settings_row {
    const char *name; /* "lambda-L1" */
    char value[4096];
    bool is_default;
};

bool px_train_settings_row(const struct px_train_settings *settings, size_t index,
                           struct px_train_settings_row *text);

#endif
