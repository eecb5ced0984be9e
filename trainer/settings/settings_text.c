#include "trainer/settings/settings_text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Options that do not decide what the weights become. */
static const char *const incidental[] = {
    "data",        "out",   "continue-train", "threads",     "print-freq",  "save-latest-freq",
    "num-threads", "init",  "init-D",         "dry-run",     "profile",     "save-epoch-freq",
    "epoch-count", "pairs", "epoch",          "keep-states", "skip-broken", "max-pixels",
    "max-side",    "title", "description",    "input-kind",  "meta",        "tensorboard"};
/* Options that a checkpoint states in the description of its network. */
static const char *const network_rows[] = {"netG",      "ngf",       "no-dropout", "input-nc",
                                           "output-nc", "direction", "crop-size",  "norm"};
/* Options added after the first trainings: left out at their default, so that those can go on. */
static const char *const later_rows[] = {
    "accumulate", "no-conditional-D", "lambda-GAN", "gan-mode", "netD",      "n-layers-D",
    "norm",       "init-type",        "init-gain",  "num-val",  "lr-policy", "lr-decay-iters",
    "preprocess", "serial-batches",   "dtype"};

#define IS_AMONG(name, list) is_among(name, list, sizeof(list) / sizeof *(list))

static bool is_among(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

/* Appends the index-th option; nothing if it is left out. */
static void describe_option(const struct px_train_settings *settings, const struct px_option *row,
                            struct px_train_settings_text *text)
{
    bool is_default = px_option_is_default(row, settings);
    char *key = text->keys[text->count], *value = text->values[text->count];

    assert(text->count < PX_SETTINGS_MAX && strlen(row->name) < sizeof text->keys[0]);
    strcpy(key, row->name);
    for (char *p = key; *p; p++)
        if (*p == '-')
            *p = '_';
    px_option_text(row, settings, value, sizeof text->values[0]);
    if (strcmp(row->name, "dtype") == 0) { /* what auto means here */
        enum px_dtype dtype = px_train_settings_dtype(settings);
        snprintf(value, sizeof text->values[0], "%s", px_dtype_name(dtype));
        is_default = dtype == PX_F32;
    }
    if (is_default && IS_AMONG(row->name, later_rows))
        return;
    text->entries[text->count++] = (struct px_metadata){key, value};
}

static void describe_rows(const struct px_train_settings *settings, bool network,
                          struct px_train_settings_text *text)
{
    const struct px_option_table *table = &px_train_settings_table;

    for (size_t i = 0; i < table->count; i++)
        if (!IS_AMONG(table->rows[i].name, incidental) &&
            IS_AMONG(table->rows[i].name, network_rows) == network)
            describe_option(settings, &table->rows[i], text);
}

void px_train_settings_describe(const struct px_train_settings *settings,
                                struct px_train_settings_text *text)
{
    text->count = 0;
    describe_rows(settings, true, text);
    text->network_count = text->count;
    describe_rows(settings, false, text);
}

bool px_train_settings_row(const struct px_train_settings *settings, size_t index,
                           struct px_train_settings_row *text)
{
    const struct px_option *row = &px_train_settings_table.rows[index];

    if (index >= px_train_settings_table.count)
        return false;
    text->name = row->name;
    text->is_default = px_option_is_default(row, settings);
    px_option_text(row, settings, text->value, sizeof text->value);
    return true;
}
