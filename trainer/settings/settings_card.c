#include "trainer/settings/settings.h"

#include <stdio.h>

static int add_text(struct px_card *card, const char *key, const char *text, struct px_error *err)
{
    char option[32];

    if (!text || !*text)
        return 0;
    int rc = px_card_add_text(card, key, text, err);
    if (rc != -PX_E_INVALID)
        return rc;
    snprintf(option, sizeof option, "--%s", key);
    px_error_prefix(err, option);
    if (err)
        err->code = PX_E_USAGE;
    return -PX_E_USAGE;
}

static int fill(struct px_card *card, const struct px_train_settings *settings,
                struct px_error *err)
{
    static const char *const kinds[] = {NULL, "lines", "labels", "photo"}; /* the row's choices */
    int rc = 0;

    if (settings->meta && *settings->meta)
        rc = px_card_add_file(card, settings->meta, err);
    if (!rc && px_card_notes(card)[0])
        fprintf(stderr, "--meta %s: %s\n", settings->meta, px_card_notes(card));
    if (!rc)
        rc = add_text(card, "title", settings->title, err);
    if (!rc)
        rc = add_text(card, "description", settings->description, err);
    if (!rc)
        rc = add_text(card, "input", kinds[settings->input_kind], err);
    return rc;
}

int px_train_settings_card(const struct px_train_settings *settings, struct px_card **card,
                           struct px_error *err)
{
    int rc = px_card_create(card, err);

    if (rc)
        return rc;
    rc = fill(*card, settings, err);
    if (rc) {
        px_card_destroy(*card);
        *card = NULL;
    }
    return rc;
}
