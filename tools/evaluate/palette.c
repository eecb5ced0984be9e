#include "tools/evaluate/palette.h"

#include <stdio.h>
#include <string.h>

static void fill(struct px_palette *palette, const struct px_card *card, const char *title)
{
    struct px_card_colour colours[PX_CARD_COLOURS];

    memset(palette, 0, sizeof *palette);
    snprintf(palette->title, sizeof palette->title, "%s", title);
    palette->count = (int)px_card_palette(card, colours);
    for (int i = 0; i < palette->count; i++) {
        memcpy(palette->colours[i], colours[i].rgb, sizeof palette->colours[i]);
        palette->is_void[i] =
            strcmp(colours[i].name, "void") == 0 || strncmp(colours[i].name, "void:", 5) == 0;
    }
}

int px_palette_open(struct px_palette *palette, const char *name, struct px_error *err)
{
    static const struct {
        const char *name, *title, *json;
    } known[] = {
        {"cmp", "the CMP facades", "{\"palette\": \"cmp\"}"},
        {"cityscapes", "Cityscapes", "{\"palette\": \"cityscapes\"}"},
    };
    const char *title = name, *json = NULL;
    struct px_card *card;
    int rc = px_card_create(&card, err);

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0) {
            title = known[i].title;
            json = known[i].json;
        }
    if (rc)
        return rc;
    rc = json ? px_card_parse(card, json, strlen(json), err) : px_card_add_file(card, name, err);
    if (!rc)
        fill(palette, card, title);
    if (rc && !json)
        px_error_prefix(err, "--palette");
    else if (!rc && palette->count == 0)
        rc = px_fail(err, PX_E_USAGE,
                     "--palette %s: has no \"palette\": [{\"name\": \"...\", \"colour\": "
                     "\"#rrggbb\"}, ...]",
                     name);
    px_card_destroy(card);
    return rc;
}

int px_palette_of_model(struct px_palette *palette, const struct px_model *model, const char *path,
                        bool *found, struct px_error *err)
{
    struct px_card *card;
    int rc = px_card_create(&card, err);

    *found = false;
    if (rc)
        return rc;
    rc = px_card_add_model(card, px_model_checkpoint(model), path, err);
    if (!rc && px_card_palette(card, NULL) > 0) {
        fill(palette, card, path);
        *found = true;
    }
    px_card_destroy(card);
    return rc;
}
