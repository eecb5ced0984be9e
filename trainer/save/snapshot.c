#include "trainer/save/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { BEST_EPOCH, BEST_L1, THREADS, EPOCH_COUNT, FIRST_STEP, SCHEDULE, PLATEAU };

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

void px_snapshot_start(struct px_snapshot *s, const struct px_train_settings *settings,
                       const struct px_gan *gan, size_t pairs)
{
    px_train_settings_describe(settings, &s->text);
    memcpy(s->options, s->text.entries, s->text.count * sizeof *s->options);
    snprintf(s->pairs_text, sizeof s->pairs_text, "%zu", pairs);
    s->options[s->text.count] = (struct px_metadata){"pairs", s->pairs_text};
    s->state.option_count = s->text.count + 1;
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
    s->began_threads = s->threads;
    s->state.count = px_gan_tensors(gan, &s->state.tensors);
    s->state.options = s->options;
    s->state.notes = s->notes;
    s->state.schedule = schedule_keys;
    s->notes[PLATEAU] = (struct px_note){.key = "plateau"};
    s->state.note_count = s->schedule->policy == PX_LR_PLATEAU ? PLATEAU + 1 : PLATEAU;
    s->saved = 0;
    s->best_epoch = 0;
    s->best_l1 = 0;
}

static int save_generator(const struct px_snapshot *s, const char *path, int64_t steps,
                          struct px_error *err)
{
    struct px_metadata extra[PX_SETTINGS_MAX + 6];
    size_t n = s->state.option_count - s->text.network_count;
    char steps_text[24], epoch[24];

    memcpy(extra, s->options + s->text.network_count, n * sizeof *extra);
    snprintf(steps_text, sizeof steps_text, "%" PRId64, steps);
    snprintf(epoch, sizeof epoch, "%" PRId64, steps / s->steps_per_epoch);
    extra[n++] = (struct px_metadata){"trainer", "pix2pix-train " PX_VERSION};
    extra[n++] = (struct px_metadata){"steps", steps_text};
    extra[n++] = (struct px_metadata){"epoch", epoch};
    if (s->epoch_count != 1)
        extra[n++] = (struct px_metadata){"epoch_count", s->notes[EPOCH_COUNT].value};
    return px_state_save_generator(path, s->network, &s->state, extra, n, err);
}

int px_snapshot_save(struct px_snapshot *s, int64_t steps, struct px_error *err)
{
    px_schedule_write(s->schedule, s->notes[PLATEAU].value, sizeof s->notes->value);
    int rc = px_state_save(s->output->state, &s->state, err);

    if (!rc)
        rc = save_generator(s, s->output->checkpoint, steps, err);
    if (!rc)
        s->saved = steps;
    return rc;
}

int px_snapshot_keep(const struct px_snapshot *s, int64_t steps, int64_t every,
                     struct px_error *err)
{
    char path[4096];
    int64_t epoch = steps / s->steps_per_epoch;

    if (every == 0 || epoch % every != 0)
        return 0;
    int rc = px_output_epoch(s->output, epoch, path, err);
    if (!rc)
        rc = px_make_folder(s->output->epochs, err);
    return rc ? rc : save_generator(s, path, steps, err);
}

int px_snapshot_offer(struct px_snapshot *s, int64_t steps, double l1, bool *best,
                      struct px_error *err)
{
    *best = s->best_epoch == 0 || l1 < s->best_l1;
    if (!*best)
        return 0;
    int rc = px_make_folder(s->output->best_folder, err);
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
    if (s->notes[THREADS].value[0]) /* older states do not tell */
        s->began_threads = (int)strtol(s->notes[THREADS].value, NULL, 10);
    note_number(&s->notes[THREADS], s->threads);
    if (s->notes[FIRST_STEP].value[0]) /* nor this, but they began where --epoch-count said */
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
static int find_place(const struct px_snapshot *s, int64_t *place, struct px_error *err)
{
    int64_t next = *place / s->steps_per_epoch + 1;

    if (s->epoch_count < next)
        return px_fail(err, PX_E_USAGE,
                       "--epoch-count %" PRId64 ": %s has epoch %" PRId64
                       " behind it: give %" PRId64 ", or leave it out to go on where it was",
                       s->epoch_count, s->output->state, next - 1, next);
    if (s->epoch_count > next)
        *place = (s->epoch_count - 1) * s->steps_per_epoch;
    return 0;
}

int px_snapshot_resume(struct px_snapshot *s, int64_t end, int64_t *steps, struct px_error *err)
{
    struct px_note then = {.key = "epoch_count"};
    int rc = px_state_tell(s->output->state, &then, err);

    if (rc)
        return rc;
    int64_t began = then.value[0] ? strtoll(then.value, NULL, 10) : 1;
    s->state.new_schedule = s->epoch_count != 1 && s->epoch_count != began;
    if (!s->state.new_schedule)
        s->epoch_count = began;
    s->first_step = (began - 1) * s->steps_per_epoch;
    if ((rc = px_state_load(s->output->state, &s->state, err)) != 0 ||
        (rc = take_notes(s, err)) != 0)
        return rc;
    s->saved = *steps = s->first_step + px_state_steps(&s->state);
    if (s->state.new_schedule && (rc = find_place(s, steps, err)) != 0)
        return rc;
    if (*steps < s->first_step || *steps > end)
        return px_fail(err, PX_E_FORMAT,
                       "%s: has taken %" PRId64 " steps of a training of %" PRId64,
                       s->output->state, *steps, end);
    s->first_step += *steps - s->saved;
    note_number(&s->notes[FIRST_STEP], s->first_step);
    return save_generator(s, s->output->checkpoint, s->saved, err);
}
