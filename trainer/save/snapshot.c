#include "trainer/save/snapshot.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"
#include "model/checkpoint/checkpoint.h"
#include "model/formats/safetensors.h"

enum { BEST_EPOCH, BEST_L1, THREADS, EPOCH_COUNT, FIRST_STEP, SCHEDULE, VALIDATED, PLATEAU };

/* The note of states whose rates follow today's reference. Older ones have none: their rates came
 * one epoch early, and still do when they are continued, to the same bytes. */
static const char on_time[] = "on time";

/* The options that a new schedule may change, and what plateau notes. */
static const char *const schedule_keys[] = {"n_epochs",       "n_epochs_decay", "lr", "lr_policy",
                                            "lr_decay_iters", "plateau",        NULL};

static void note_number(struct px_note *note, int64_t value)
{
    snprintf(note->value, sizeof note->value, "%" PRId64, value);
}

void px_snapshot_init(struct px_snapshot *s, const struct px_train_settings *settings,
                      const struct px_gan *gan, size_t pairs)
{
    px_train_settings_describe(settings, &s->text);
    memcpy(s->options, s->text.entries, s->text.count * sizeof *s->options);
    snprintf(s->pairs_text, sizeof s->pairs_text, "%zu", pairs);
    s->options[s->text.count] = (struct px_metadata){"pairs", s->pairs_text};
    s->state.option_count = s->text.count + 1;
    if (s->ranks > 1) {
        snprintf(s->ranks_text, sizeof s->ranks_text, "%d", s->ranks);
        s->options[s->state.option_count++] = (struct px_metadata){"ranks", s->ranks_text};
    }
    if (pairs % (size_t)px_train_settings_pictures(settings)) { /* older trainings left these out */
        snprintf(s->steps_text, sizeof s->steps_text, "%" PRId64, s->steps_per_epoch);
        s->options[s->state.option_count++] =
            (struct px_metadata){"steps_per_epoch", s->steps_text};
    }
    s->notes[BEST_EPOCH] = (struct px_note){.key = "best_epoch"};
    s->notes[BEST_L1] = (struct px_note){.key = "best_L1"};
    s->notes[THREADS] = (struct px_note){.key = "threads"};
    note_number(&s->notes[THREADS], s->threads);
    s->notes[EPOCH_COUNT] = (struct px_note){.key = "epoch_count"};
    note_number(&s->notes[EPOCH_COUNT], s->epoch_count);
    s->notes[FIRST_STEP] = (struct px_note){.key = "first_step"};
    note_number(&s->notes[FIRST_STEP], s->first_step);
    s->notes[SCHEDULE] = (struct px_note){.key = "schedule"};
    snprintf(s->notes[SCHEDULE].value, sizeof s->notes->value, "%s", on_time);
    s->notes[VALIDATED] = (struct px_note){.key = "validated"};
    s->began_threads = s->threads;
    s->state.count = px_gan_tensors(gan, &s->state.tensors);
    s->generator_count = px_gan_generator_tensors(gan, &s->generator);
    s->state.options = s->options;
    s->state.notes = s->notes;
    s->state.card = s->card;
    s->state.schedule = schedule_keys;
    s->notes[PLATEAU] = (struct px_note){.key = "plateau"};
    s->state.note_count = s->schedule->policy == PX_LR_PLATEAU ? PLATEAU + 1 : PLATEAU;
    s->saved = 0;
    s->validated = s->first_step / s->steps_per_epoch;
    s->pending = s->lost_best = false;
    s->best_epoch = 0;
    s->best_l1 = 0;
}

static int save_generator(const struct px_snapshot *s, const char *path, int64_t steps,
                          struct px_error *err)
{
    struct px_metadata extra[PX_SETTINGS_MAX + 6 + PX_CARD_KEYS];
    size_t n = s->state.option_count - s->text.network_count, card_count;
    const struct px_metadata *card = px_card_metadata(s->card, &card_count);
    char steps_text[24], epoch[24];

    memcpy(extra, s->options + s->text.network_count, n * sizeof *extra);
    snprintf(steps_text, sizeof steps_text, "%" PRId64, steps);
    snprintf(epoch, sizeof epoch, "%" PRId64, steps / s->steps_per_epoch);
    extra[n++] = (struct px_metadata){"trainer", "pix2pix-train " PX_VERSION};
    extra[n++] = (struct px_metadata){"steps", steps_text};
    extra[n++] = (struct px_metadata){"epoch", epoch};
    if (s->epoch_count != 1)
        extra[n++] = (struct px_metadata){"epoch_count", s->notes[EPOCH_COUNT].value};
    for (size_t i = 0; i < card_count; i++)
        extra[n++] = card[i];
    return px_checkpoint_save(path, s->network, s->generator, s->generator_count, extra, n, PX_F32,
                              err);
}

static int save_state(struct px_snapshot *s, const char *path, struct px_error *err)
{
    px_schedule_write(s->schedule, s->notes[PLATEAU].value, sizeof s->notes->value);
    note_number(&s->notes[VALIDATED], s->validated);
    return px_state_save(path, &s->state, err);
}

int px_snapshot_save(struct px_snapshot *s, int64_t steps, struct px_error *err)
{
    int rc = save_state(s, s->output->state, err);

    if (!rc)
        rc = save_generator(s, s->output->checkpoint, steps, err);
    if (!rc)
        s->saved = steps;
    return rc;
}

int px_snapshot_keep(struct px_snapshot *s, int64_t steps, struct px_error *err)
{
    char path[PX_PATH_MAX];
    int64_t epoch = steps / s->steps_per_epoch;

    assert(steps % s->steps_per_epoch == 0);
    if (s->keep_every == 0 || epoch % s->keep_every != 0)
        return 0;
    int rc = px_output_epoch(s->output, epoch, path, err);
    if (!rc)
        rc = px_make_folder(s->output->epochs, err);
    if (!rc)
        rc = save_generator(s, path, steps, err);
    if (rc || s->keep_states == 0)
        return rc;
    rc = px_output_epoch_state(s->output, epoch, path, err);
    if (!rc)
        rc = save_state(s, path, err);
    if (!rc)
        px_output_thin_states(s->output, epoch, s->keep_states);
    return rc;
}

int px_snapshot_offer(struct px_snapshot *s, int64_t steps, double l1, bool *best,
                      struct px_error *err)
{
    *best = s->best_epoch == 0 || l1 < s->best_l1;
    if (!*best)
        return 0;
    int rc = px_state_check_finite(&s->state, s->output->best, err);
    if (!rc)
        rc = px_make_folder(s->output->best_folder, err);
    if (!rc)
        rc = save_generator(s, s->output->best, steps, err);
    if (rc)
        return rc;
    s->best_epoch = steps / s->steps_per_epoch;
    s->best_l1 = l1;
    note_number(&s->notes[BEST_EPOCH], s->best_epoch);
    snprintf(s->notes[BEST_L1].value, sizeof s->notes->value, "%.17g", l1);
    return 0;
}

/* The notes of a state that was just loaded. */
static int take_notes(struct px_snapshot *s, struct px_error *err)
{
    int rc = 0;

    s->best_epoch = strtoll(s->notes[BEST_EPOCH].value, NULL, 10);
    s->best_l1 = strtod(s->notes[BEST_L1].value, NULL);
    if (s->notes[THREADS].value[0]) /* older states do not have it */
        s->began_threads = (int)strtol(s->notes[THREADS].value, NULL, 10);
    note_number(&s->notes[THREADS], s->threads);
    if (s->notes[FIRST_STEP].value[0]) /* nor this; they began at --epoch-count */
        s->first_step = strtoll(s->notes[FIRST_STEP].value, NULL, 10);
    note_number(&s->notes[EPOCH_COUNT], s->epoch_count);
    if (s->state.new_schedule)
        snprintf(s->notes[SCHEDULE].value, sizeof s->notes->value, "%s", on_time);
    s->schedule->early = s->notes[SCHEDULE].value[0] == 0;
    if (s->schedule->policy == PX_LR_PLATEAU &&
        (s->notes[PLATEAU].value[0] || !s->state.new_schedule))
        rc = px_schedule_read(s->schedule, s->notes[PLATEAU].value, err);
    return rc;
}

/* Where --epoch-count says that a training goes on whose next step is `place`. */
static int find_place(const struct px_snapshot *s, const char *path, int64_t *place,
                      struct px_error *err)
{
    int64_t next = *place / s->steps_per_epoch + 1;

    if (s->epoch_count < next)
        return px_fail(err, PX_E_USAGE,
                       "--epoch-count %" PRId64 ": %s has epoch %" PRId64
                       " behind it: give %" PRId64 ", or leave it out to go on where it was",
                       s->epoch_count, path, next - 1, next);
    if (s->epoch_count > next)
        *place = (s->epoch_count - 1) * s->steps_per_epoch;
    return 0;
}

/* The best generator may be of an epoch that the training goes back behind. */
static void check_best(struct px_snapshot *s)
{
    struct px_safetensors *file;
    const char *epoch = NULL;

    if (s->best_epoch == 0 || px_safetensors_open(&file, s->output->best, NULL) != 0)
        return;
    epoch = px_metadata_find(px_safetensors_list(file), "epoch");
    s->lost_best = !epoch || strtoll(epoch, NULL, 10) != s->best_epoch;
    px_safetensors_close(file);
    if (!s->lost_best)
        return;
    s->best_epoch = 0;
    s->notes[BEST_EPOCH].value[0] = s->notes[BEST_L1].value[0] = 0;
}

/* The state to go on from: NAME.state, or the one kept of an epoch. */
static int find_state(const struct px_snapshot *s, int64_t epoch, char path[PX_PATH_MAX],
                      struct px_error *err)
{
    if (epoch == 0)
        return px_path_format(path, err, "%s", s->output->state);
    int rc = px_output_epoch_state(s->output, epoch, path, err);
    if (!rc && access(path, F_OK) != 0)
        rc = px_fail(err, PX_E_NOT_FOUND,
                     "%s: not there, so epoch %" PRId64
                     " cannot be continued; --keep-states N keeps "
                     "the states of the last N epochs that --save-epoch-freq saves",
                     path, epoch);
    return rc;
}

/* Reads the state and its notes. */
static int load_state(struct px_snapshot *s, const char *path, struct px_error *err)
{
    struct px_note then = {.key = "epoch_count"};
    int rc = px_state_tell(path, &then, err);

    if (rc)
        return rc;
    int64_t began = then.value[0] ? strtoll(then.value, NULL, 10) : 1;
    s->state.new_schedule = s->epoch_count != 1 && s->epoch_count != began;
    if (!s->state.new_schedule)
        s->epoch_count = began;
    s->first_step = (began - 1) * s->steps_per_epoch;
    rc = px_state_load(path, &s->state, err);
    return rc ? rc : take_notes(s, err);
}

int px_snapshot_resume(struct px_snapshot *s, const struct px_snapshot_place *from, int64_t *steps,
                       struct px_error *err)
{
    char path[PX_PATH_MAX];
    int rc = find_state(s, from->epoch, path, err);

    if (rc || (rc = load_state(s, path, err)) != 0)
        return rc;
    s->saved = *steps = s->first_step + px_state_steps(&s->state);
    int64_t epoch = s->saved / s->steps_per_epoch;
    s->validated =
        s->notes[VALIDATED].value[0] ? strtoll(s->notes[VALIDATED].value, NULL, 10) : epoch;
    if (s->state.new_schedule && (rc = find_place(s, path, steps, err)) != 0)
        return rc;
    if (*steps < s->first_step || *steps > from->end)
        return px_fail(err, PX_E_FORMAT,
                       "%s: has taken %" PRId64 " steps of a training of %" PRId64, path, *steps,
                       from->end);
    if (*steps != s->saved)
        s->validated = *steps / s->steps_per_epoch;
    s->pending = *steps == s->saved && *steps % s->steps_per_epoch == 0 && s->validated < epoch;
    if (from->epoch > 0)
        check_best(s);
    s->first_step += *steps - s->saved;
    note_number(&s->notes[FIRST_STEP], s->first_step);
    if (from->epoch > 0 && (rc = save_state(s, s->output->state, err)) != 0)
        return rc;
    return save_generator(s, s->output->checkpoint, s->saved, err);
}
