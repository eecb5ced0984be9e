#include "model/checkpoint/parts/card_values.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"
#include "model/checkpoint/parts/palettes.h"

enum {
    TITLE_CHARACTERS = 80,
    DESCRIPTION_CHARACTERS = 400,
    NAME_CHARACTERS = 40,
    EXAMPLES = 8,
    EXAMPLE_BYTES = 32768,
};

static const double least_width = 0.5, most_width = 64;

static int keep(json_t **out, json_t *made, struct px_error *err)
{
    *out = made;
    return made ? 0 : px_fail(err, PX_E_NOMEM, "no memory for a value");
}

static size_t count_characters(const char *text)
{
    size_t count = 0;

    for (; *text; text += px_utf8_length(text))
        count++;
    return count;
}

/* jansson has checked that strings are UTF-8 without NUL. */
static int check_line(const json_t *value, size_t most, struct px_error *err)
{
    const char *text = json_string_value(value);

    if (!text)
        return px_fail(err, PX_E_FORMAT, "must be a string");
    if (!*text)
        return px_fail(err, PX_E_FORMAT, "is empty: leave it out");
    if (!px_utf8_is_printable(text))
        return px_fail(err, PX_E_FORMAT,
                       "'%.60s' has line breaks or other control characters: remove them", text);
    size_t count = count_characters(text);
    if (count > most)
        return px_fail(err, PX_E_FORMAT, "has %zu characters, %zu are allowed: shorten it", count,
                       most);
    return 0;
}

static int read_line(json_t **out, const json_t *value, size_t most, struct px_error *err)
{
    int rc = check_line(value, most, err);

    return rc ? rc : keep(out, json_string(json_string_value(value)), err);
}

int px_card_read_title(json_t **out, const json_t *value, struct px_error *err)
{
    return read_line(out, value, TITLE_CHARACTERS, err);
}

int px_card_read_description(json_t **out, const json_t *value, struct px_error *err)
{
    return read_line(out, value, DESCRIPTION_CHARACTERS, err);
}

int px_card_read_input(json_t **out, const json_t *value, struct px_error *err)
{
    const char *text = json_string_value(value);

    if (!text)
        return px_fail(err, PX_E_FORMAT, "must be a string: lines, labels or photo");
    if (strcmp(text, "lines") != 0 && strcmp(text, "labels") != 0 && strcmp(text, "photo") != 0)
        return px_fail(err, PX_E_FORMAT, "'%.40s' is not known, allowed: lines, labels, photo",
                       text);
    return keep(out, json_string(text), err);
}

int px_card_read_line_width(json_t **out, const json_t *value, struct px_error *err)
{
    double width = json_number_value(value);

    if (!json_is_number(value))
        return px_fail(err, PX_E_FORMAT, "must be a number of pixels");
    if (!(width >= least_width && width <= most_width))
        return px_fail(err, PX_E_FORMAT, "%g pixels: must be %g to %g", width, least_width,
                       most_width);
    return keep(out,
                json_is_integer(value) ? json_integer(json_integer_value(value)) : json_real(width),
                err);
}

int px_card_read_preferred(json_t **out, const json_t *value, struct px_error *err)
{
    if (!json_is_boolean(value))
        return px_fail(err, PX_E_FORMAT, "must be true or false");
    return keep(out, json_boolean(json_is_true(value)), err);
}

/* "#0D3DFB" as "#0d3dfb"; false if it is no such colour. */
static bool normalise_colour(const char *text, char colour[static 8])
{
    if (strlen(text) != 7 || text[0] != '#' ||
        strspn(text + 1, "0123456789abcdefABCDEF") != strlen(text + 1))
        return false;
    for (size_t i = 0; i < 8; i++)
        colour[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] - 'A' + 'a' : text[i]);
    return true;
}

/* Adds an entry to a palette; `name` and `colour` are as they should be. */
static int append_colour(json_t *palette, const char *name, const char *colour,
                         struct px_error *err)
{
    for (size_t i = 0; i < json_array_size(palette); i++) {
        const json_t *other = json_array_get(palette, i);
        if (strcmp(json_string_value(json_object_get(other, "name")), name) == 0)
            return px_fail(err, PX_E_FORMAT, "the name '%.80s' appears twice", name);
        if (strcmp(json_string_value(json_object_get(other, "colour")), colour) == 0)
            return px_fail(err, PX_E_FORMAT, "the colour %s appears twice", colour);
    }
    json_t *entry = json_pack("{s:s,s:s}", "name", name, "colour", colour);
    if (!entry || json_array_append_new(palette, entry) != 0)
        return px_fail(err, PX_E_NOMEM, "no memory for a palette");
    return 0;
}

static int append_entry(json_t *palette, const json_t *entry, struct px_error *err)
{
    const json_t *name = json_object_get(entry, "name");
    const char *text = json_string_value(json_object_get(entry, "colour"));
    char colour[8];

    if (!json_is_object(entry))
        return px_fail(err, PX_E_FORMAT, "must be {\"name\": \"...\", \"colour\": \"#rrggbb\"}");
    int rc = check_line(name, NAME_CHARACTERS, err);
    if (rc) {
        px_error_prefix(err, "name");
        return rc;
    }
    if (!text || !normalise_colour(text, colour))
        return px_fail(err, PX_E_FORMAT, "the colour '%.20s' of '%.80s' is not #rrggbb",
                       text ? text : "", json_string_value(name));
    return append_colour(palette, json_string_value(name), colour, err);
}

static int fill_named(json_t *palette, const struct px_palette_entry *entries, size_t count,
                      struct px_error *err)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < count; i++)
        rc = append_colour(palette, entries[i].name, entries[i].colour, err);
    return rc;
}

/* Puts an entry's number before the message. */
static void prefix_number(struct px_error *err, size_t index)
{
    char number[32];

    snprintf(number, sizeof number, "entry %zu", index + 1);
    px_error_prefix(err, number);
}

static int fill_palette(json_t *palette, const json_t *value, struct px_error *err)
{
    size_t count;
    const struct px_palette_entry *named =
        json_is_string(value) ? px_palette_find(json_string_value(value), &count) : NULL;
    int rc = 0;

    if (named)
        return fill_named(palette, named, count, err);
    count = json_array_size(value);
    if (!json_is_array(value) || count == 0)
        return px_fail(err, PX_E_FORMAT,
                       "must be \"cmp\", \"cityscapes\" or an array of {\"name\": \"...\", "
                       "\"colour\": \"#rrggbb\"}");
    if (count > PX_CARD_MOST_COLOURS)
        return px_fail(err, PX_E_FORMAT, "has %zu colours, %d are allowed", count,
                       PX_CARD_MOST_COLOURS);
    for (size_t i = 0; !rc && i < count; i++) {
        rc = append_entry(palette, json_array_get(value, i), err);
        if (rc)
            prefix_number(err, i);
    }
    return rc;
}

int px_card_read_palette(json_t **out, const json_t *value, struct px_error *err)
{
    json_t *palette;
    int rc = keep(&palette, json_array(), err);

    if (!rc)
        rc = fill_palette(palette, value, err);
    if (rc)
        json_decref(palette);
    else
        *out = palette;
    return rc;
}

static bool is_base64(const char *text)
{
    size_t length = strlen(text);
    size_t letters = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789+/");
    size_t padding = strspn(text + letters, "=");

    return letters > 0 && padding <= 2 && letters + padding == length && length % 4 == 0;
}

static int check_example(const json_t *value, struct px_error *err)
{
    static const char *const types[] = {"data:image/png;base64,", "data:image/jpeg;base64,",
                                        "data:image/webp;base64,"};
    const char *url = json_string_value(value);

    if (url && strlen(url) > EXAMPLE_BYTES)
        return px_fail(err, PX_E_FORMAT,
                       "has %zu characters, %d are allowed: take a smaller picture, or JPEG",
                       strlen(url), EXAMPLE_BYTES);
    for (size_t i = 0; url && i < sizeof types / sizeof *types; i++)
        if (strncmp(url, types[i], strlen(types[i])) == 0 && is_base64(url + strlen(types[i])))
            return 0;
    return px_fail(err, PX_E_FORMAT, "'%.30s' must be data:image/png;base64,... (or jpeg, or webp)",
                   url ? url : "");
}

int px_card_read_examples(json_t **out, const json_t *value, struct px_error *err)
{
    size_t count = json_array_size(value);

    if (!json_is_array(value) || count == 0)
        return px_fail(err, PX_E_FORMAT, "must be an array of data: URLs");
    if (count > EXAMPLES)
        return px_fail(err, PX_E_FORMAT, "has %zu pictures, %d are allowed", count, EXAMPLES);
    for (size_t i = 0; i < count; i++) {
        int rc = check_example(json_array_get(value, i), err);
        if (rc) {
            prefix_number(err, i);
            return rc;
        }
    }
    return keep(out, json_deep_copy(value), err);
}
