/* pix2pix dataset: paired training pictures, drawn by us. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "codecs/codec.h"
#include "tools/facade/facade.h"
#include "tools/verbs.h"
#include "tools/work/folder.h"

enum { STYLE_LABELS, STYLE_SKETCH, STYLE_HAND, STYLE_GREY, STYLE_DAY, STYLES };
static const enum px_facade_input inputs[STYLES] = {
    [STYLE_LABELS] = PX_FACADE_LABELS, [STYLE_SKETCH] = PX_FACADE_SKETCH,
    [STYLE_HAND] = PX_FACADE_SKETCH,   [STYLE_GREY] = PX_FACADE_GREY,
    [STYLE_DAY] = PX_FACADE_DAY,
};

struct dataset_settings {
    int64_t count, size;
    uint64_t seed;
    const char *out;
    int style;
};

static const struct px_option rows[] = {
    {.name = "out",
     .type = PX_OPTION_STRING,
     .offset = offsetof(struct dataset_settings, out),
     .value = "DIR",
     .help =
         "Write train/, val/ and test/ into this folder, which is created if its parent exists; "
         "pictures of the same names are replaced (required)"},
    {.name = "count",
     .type = PX_OPTION_INT,
     .offset = offsetof(struct dataset_settings, count),
     .fallback = "400",
     .min = 1,
     .max = 1000000,
     .help = "Draw this many pictures for train/, and a quarter of that each for val/ and test/"},
    {.name = "seed",
     .type = PX_OPTION_SEED,
     .offset = offsetof(struct dataset_settings, seed),
     .fallback = "1",
     .help = "Draw from this seed: the same pixels on every machine and for every count"},
    {.name = "style",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct dataset_settings, style),
     .choices = "labels|sketch|hand|grey|day",
     .help =
         "Draw A as a label map in the twelve CMP colours, as a neat line drawing of the house, "
         "as people draw (thick and thin pens, gaps, details left out, small and sparse houses), "
         "or as B in grey. With day, A is the house by day and B the same house at night"},
    {.name = "size",
     .type = PX_OPTION_INT,
     .offset = offsetof(struct dataset_settings, size),
     .fallback = "256",
     .min = 64,
     .max = PX_FACADE_MAX_SIDE,
     .help = "Make A and B this many pixels wide and high; a picture is A|B, twice as wide"},
};

static const struct px_option_table table = {
    .program = "pix2pix dataset",
    .usage = "facades --out DIR [OPTIONS]",
    .description =
        "Draws paired training pictures, A|B side by side: facades, houses as a label map "
        "or a sketch\nand as a rendering.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .min_arguments = 1,
    .max_arguments = 1,
};

enum { SPLITS = 3 };
static const char *const splits[SPLITS] = {"train", "val", "test"};

/* One line, drawn over on a terminal; elsewhere one line per split. */
static void show(const char *split, int64_t done, int64_t count)
{
    bool terminal = isatty(STDERR_FILENO);

    if (terminal)
        fprintf(stderr, "\r%-5s %" PRId64 "/%" PRId64 "%s", split, done, count,
                done == count ? "\n" : "");
    else if (done == count)
        fprintf(stderr, "%-5s %" PRId64 " pictures\n", split, count);
}

struct drawing {
    const struct dataset_settings *settings;
    const struct px_stop *stop;
    struct px_facade facade;
    struct px_image pair;
};

static int draw_one(struct drawing *d, int split, int64_t index, struct px_error *err)
{
    const struct dataset_settings *s = d->settings;
    char path[PX_PATH_MAX];

    /* The splits are three series of the same seed; a picture does not depend on how many there
     * are. */
    px_facade_layout(&d->facade, s->seed, (uint64_t)split << 32 | (uint64_t)index);
    if (s->style == STYLE_HAND)
        px_facade_loosen(&d->facade);
    int rc = px_facade_pair(&d->facade, inputs[s->style], &d->pair, err);
    if (rc)
        return rc;
    rc = px_path_format(path, err, "%s/%s/%04" PRId64 ".png", s->out, splits[split], index + 1);
    return rc ? rc : px_image_save(path, &d->pair, 100, err);
}

static int draw_split(struct drawing *d, int split, int64_t count, struct px_error *err)
{
    char folder[PX_PATH_MAX];

    int rc = px_path_join(folder, d->settings->out, splits[split], err);
    if (!rc)
        rc = px_path_make_folder(folder, NULL, err);
    for (int64_t i = 0; i < count && !rc; i++) {
        rc = px_stop_check(d->stop, err);
        if (!rc)
            rc = draw_one(d, split, i, err);
        if (!rc)
            show(splits[split], i + 1, count);
    }
    if (rc && isatty(STDERR_FILENO))
        fputc('\n', stderr);
    return rc;
}

static int draw(const struct dataset_settings *s, const struct px_stop *stop, struct px_error *err)
{
    struct drawing *d = calloc(1, sizeof *d);
    uint32_t size = (uint32_t)s->size;

    if (!d)
        return px_fail(err, PX_E_NOMEM, "no memory for a drawing");
    d->settings = s;
    d->stop = stop;
    int rc = px_tool_make_folder(s->out, err);
    if (!rc)
        rc = px_image_init(&d->pair, 2 * size, size, 3, err);
    for (int split = 0; split < SPLITS && !rc; split++)
        rc = draw_split(d, split, split ? (s->count + 3) / 4 : s->count, err);
    px_image_clear(&d->pair);
    free(d);
    return rc;
}

int px_verb_dataset(const struct px_verb_call *call, struct px_error *err)
{
    struct dataset_settings settings = {0};
    struct px_options options = {0};
    int rc = px_verb_options(&table, &settings, call, &options, err);

    if (!rc && !options.topic) {
        if (strcmp(options.arguments[0], "facades") != 0)
            rc = px_fail(err, PX_E_USAGE, "unknown data set '%.60s': there is 'facades'",
                         options.arguments[0]);
        else if (!settings.out)
            rc = px_fail(err, PX_E_USAGE, "--out is missing: the folder to write into");
        else
            rc = draw(&settings, call->stop, err);
    }
    px_options_clear(&options);
    return rc;
}
