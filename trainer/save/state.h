#ifndef TRAINER_SAVE_STATE_H
#define TRAINER_SAVE_STATE_H

/* NAME.state: all that a resumed training needs, in the safetensors format: every tensor of
 * px_gan_tensors() (weights, buffers, moments, and the count of steps, from which the place in the
 * epoch and all random draws follow), and the options that decide what the weights become. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/checkpoint/card.h"
#include "model/formats/safetensors.h"
#include "model/network/network.h"
#include "model/network/tensor.h"

/* What else is worth keeping: saved as it is, and overwritten by px_state_load() with the file's
 * value, or "" if it has none. */
struct px_note {
    const char *key;
    char value[40];
};

/* A view: owns nothing. */
struct px_state {
    const struct px_tensor *tensors;
    size_t count;
    const struct px_metadata *options; /* key, value; keys as px_train_settings_describe() */
    size_t option_count;
    struct px_note *notes;
    size_t note_count;
    struct px_card *card; /* saved too; px_state_load() fills it (px_card_fill()). NULL: none */
    /* Keys of options, ending in NULL, that may have another value in the file if `new_schedule`;
     * otherwise the refusal points to --epoch-count. NULL: none. */
    const char *const *schedule;
    bool new_schedule;
};

/* INTERNAL if a tensor holds a value that is not finite; the message begins with `path`. */
int px_state_check_finite(const struct px_state *state, const char *path, struct px_error *err);

/* Replaces the file atomically. Refuses (INTERNAL) to write weights that are not finite: what is
 * on disk stays good. IO if the disk is full; then nothing has changed. */
int px_state_save(const char *path, const struct px_state *state, struct px_error *err);

/* Reads the file into the memory behind state->tensors. Everything is checked before the first byte
 * is copied: USAGE if an option differs or only one side has it (the message has its name and
 * both values), FORMAT if it is not a state file or a tensor is missing or has another shape. */
int px_state_load(const char *path, const struct px_state *state, struct px_error *err);

/* Reads one note of a state file before anything else is known to fit; "" if it has none. FORMAT if
 * it is not a state file. */
int px_state_tell(const char *path, struct px_note *note, struct px_error *err);

/* The tensor "steps": steps taken so far; -1 if the list has none. */
int64_t px_state_steps(const struct px_state *state);

#endif
