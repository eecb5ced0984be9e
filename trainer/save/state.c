#include "trainer/save/state.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/formats/safetensors.h"

static const struct px_metadata format = {"format", "pix2pix-train state 1"};

int px_state_check_finite(const struct px_state *state, const char *path, struct px_error *err)
{
    for (size_t t = 0; t < state->count; t++) {
        const float *data = state->tensors[t].data;
        size_t n = state->tensors[t].bytes / sizeof *data;
        if (state->tensors[t].dtype != PX_F32)
            continue;
        for (size_t i = 0; i < n; i++)
            if (!isfinite(data[i]))
                return px_fail(err, PX_E_INTERNAL,
                               "%s: not saved: the training diverged, and %s is no longer finite",
                               path, state->tensors[t].name);
    }
    return 0;
}

int px_state_save(const char *path, const struct px_state *state, struct px_error *err)
{
    int rc = px_state_check_finite(state, path, err);

    if (rc)
        return rc;
    size_t n = 1 + state->option_count, card_count = 0;
    const struct px_metadata *card =
        state->card ? px_card_metadata(state->card, &card_count) : NULL;
    struct px_metadata *entries = malloc((n + state->note_count + card_count) * sizeof *entries);
    if (!entries)
        return px_fail(err, PX_E_NOMEM, "%s: no memory to save", path);
    entries[0] = format;
    if (state->option_count)
        memcpy(entries + 1, state->options, state->option_count * sizeof *entries);
    for (size_t i = 0; i < state->note_count; i++)
        entries[n++] = (struct px_metadata){state->notes[i].key, state->notes[i].value};
    for (size_t i = 0; i < card_count; i++)
        entries[n++] = card[i];
    rc = px_safetensors_save(path, state->tensors, state->count, entries, n, err);
    free(entries);
    return rc;
}

static int check_kind(const char *path, const struct px_safetensors *file, struct px_error *err)
{
    const char *kind = px_metadata_find(px_safetensors_list(file), format.key);

    if (kind && strcmp(kind, format.value) == 0)
        return 0;
    return px_fail(err, PX_E_FORMAT, "%s: not a state that this pix2pix-train can continue", path);
}

static bool is_known(const struct px_state *state, const char *key)
{
    for (size_t i = 0; i < state->option_count; i++)
        if (strcmp(state->options[i].key, key) == 0)
            return true;
    for (size_t i = 0; i < state->note_count; i++)
        if (strcmp(state->notes[i].key, key) == 0)
            return true;
    return strcmp(key, format.key) == 0 || px_card_has_key(key);
}

static bool is_of_schedule(const struct px_state *state, const char *key)
{
    for (size_t i = 0; state->schedule && state->schedule[i]; i++)
        if (strcmp(state->schedule[i], key) == 0)
            return true;
    return false;
}

struct difference {
    const char *key, *then, *now; /* values; NULL: the option is left out, at its default */
};

static int refuse_option(const char *path, const struct px_state *state, const struct difference *d,
                         struct px_error *err)
{
    char name[64];

    if (state->new_schedule && is_of_schedule(state, d->key))
        return 0;
    snprintf(name, sizeof name, "%s", d->key);
    for (char *p = name; *p; p++)
        if (*p == '_')
            *p = '-';
    return px_fail(
        err, PX_E_USAGE,
        "%s: the training began with %s %s, now it is %s: to continue, both must be the "
        "same%s",
        path, name, d->then ? d->then : "(its default)", d->now ? d->now : "(its default)",
        is_of_schedule(state, d->key)
            ? "; --epoch-count with the next epoch's number begins another schedule there"
        : strcmp(d->key, "pairs") == 0
            ? "; to train on more or other pictures, start anew from the generator with --init and "
              "another --out"
            : "");
}

static int check_options(const char *path, const struct px_safetensors *file,
                         const struct px_state *state, struct px_error *err)
{
    const struct px_tensor_list *list = px_safetensors_list(file);
    int rc = check_kind(path, file, err);

    for (size_t i = 0; !rc && i < state->option_count; i++) {
        const struct px_metadata *now = &state->options[i];
        struct difference d = {now->key, px_metadata_find(px_safetensors_list(file), now->key),
                               now->value};
        if (!d.then || strcmp(d.then, d.now) != 0)
            rc = refuse_option(path, state, &d, err);
    }
    for (size_t i = 0; !rc && i < list->metadata_count; i++) {
        struct difference d = {list->metadata[i].key, list->metadata[i].value, NULL};
        if (!is_known(state, d.key))
            rc = refuse_option(path, state, &d, err);
    }
    return rc;
}

static int check_tensors(const char *path, const struct px_safetensors *file,
                         const struct px_state *state, struct px_error *err)
{
    if (px_safetensors_list(file)->count != state->count)
        return px_fail(err, PX_E_FORMAT, "%s: holds %zu tensors instead of %zu", path,
                       px_safetensors_list(file)->count, state->count);
    for (size_t i = 0; i < state->count; i++) {
        const struct px_tensor *mine = &state->tensors[i];
        const struct px_tensor *theirs = px_tensor_find(px_safetensors_list(file), mine->name);
        if (!theirs || theirs->dtype != mine->dtype || theirs->ndim != mine->ndim ||
            theirs->bytes != mine->bytes ||
            memcmp(theirs->shape, mine->shape, (size_t)mine->ndim * sizeof *mine->shape) != 0)
            return px_fail(err, PX_E_FORMAT, "%s: tensor %s is missing or has another shape", path,
                           mine->name);
    }
    return 0;
}

static void take_note(const struct px_safetensors *file, struct px_note *note)
{
    const char *text = px_metadata_find(px_safetensors_list(file), note->key);

    snprintf(note->value, sizeof note->value, "%s", text ? text : "");
}

static int take_card(const struct px_safetensors *file, struct px_card *card, struct px_error *err)
{
    struct px_card *then;
    int rc = px_card_create(&then, err);

    if (rc)
        return rc;
    rc = px_card_add_metadata(then, px_safetensors_list(file), err);
    if (!rc)
        rc = px_card_fill(card, then, err);
    px_card_destroy(then);
    return rc;
}

int px_state_tell(const char *path, struct px_note *note, struct px_error *err)
{
    struct px_safetensors *file;
    int rc = px_safetensors_open(&file, path, err);

    if (rc)
        return rc;
    rc = check_kind(path, file, err);
    if (!rc)
        take_note(file, note);
    px_safetensors_close(file);
    return rc;
}

int px_state_load(const char *path, const struct px_state *state, struct px_error *err)
{
    struct px_safetensors *file;
    int rc = px_safetensors_open(&file, path, err);

    if (rc)
        return rc;
    rc = check_options(path, file, state, err);
    if (!rc)
        rc = check_tensors(path, file, state, err);
    if (!rc && state->card)
        rc = take_card(file, state->card, err);
    for (size_t i = 0; !rc && i < state->count; i++) {
        const struct px_tensor *mine = &state->tensors[i];
        memcpy((void *)(uintptr_t)mine->data,
               px_tensor_find(px_safetensors_list(file), mine->name)->data, mine->bytes);
    }
    for (size_t i = 0; !rc && i < state->note_count; i++)
        take_note(file, &state->notes[i]);
    px_safetensors_close(file);
    return rc;
}

int64_t px_state_steps(const struct px_state *state)
{
    int64_t steps = -1;

    for (size_t i = 0; i < state->count; i++)
        if (strcmp(state->tensors[i].name, "steps") == 0 && state->tensors[i].bytes == sizeof steps)
            memcpy(&steps, state->tensors[i].data, sizeof steps);
    return steps;
}
