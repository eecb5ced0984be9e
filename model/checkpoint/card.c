#include "model/checkpoint/card.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/file.h"
#include "base/path.h"
#include "model/checkpoint/parts/card_values.h"
#include "model/checkpoint/parts/checkpoint_parts.h"

enum { MAX_FILE = 1 << 20 };
_Static_assert((int)PX_CARD_COLOURS == (int)PX_CARD_MOST_COLOURS, "a palette fits");

static const struct {
    const char *key;
    px_card_reader *read;
    bool text; /* in metadata: as it is, not as JSON */
} keys[PX_CARD_KEYS] = {
    {"title", px_card_read_title, true},
    {"description", px_card_read_description, true},
    {"input", px_card_read_input, true},
    {"palette", px_card_read_palette, false},
    {"line_width", px_card_read_line_width, false},
    {"preferred", px_card_read_preferred, false},
    {"examples", px_card_read_examples, false},
};

struct px_card {
    json_t *values; /* checked, in the order of `keys`; null: removed */
    struct px_checkpoint_notes notes;
    struct px_metadata entries[PX_CARD_KEYS]; /* of what is not removed */
    char *texts[PX_CARD_KEYS];                /* owned; the entries' values */
    size_t count;
};

static void clear_entries(struct px_card *card)
{
    for (size_t i = 0; i < card->count; i++)
        free(card->texts[i]);
    card->count = 0;
}

void px_card_destroy(struct px_card *card)
{
    if (!card)
        return;
    clear_entries(card);
    json_decref(card->values);
    free(card);
}

static int out_of_memory(struct px_error *err)
{
    return px_fail(err, PX_E_NOMEM, "no memory for the description of a model");
}

int px_card_create(struct px_card **out, struct px_error *err)
{
    struct px_card *card = calloc(1, sizeof *card);

    if (card)
        card->values = json_object();
    if (!card || !card->values) {
        free(card);
        return out_of_memory(err);
    }
    *out = card;
    return 0;
}

static char *dump(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
}

/* Makes the entries of `card` from its values. */
static int fill_entries(struct px_card *card, struct px_error *err)
{
    for (size_t i = 0; i < PX_CARD_KEYS; i++) {
        const json_t *value = json_object_get(card->values, keys[i].key);
        if (!value || json_is_null(value))
            continue;
        char *text = keys[i].text ? strdup(json_string_value(value)) : dump(value);
        if (!text)
            return out_of_memory(err);
        card->texts[card->count] = text;
        card->entries[card->count++] = (struct px_metadata){keys[i].key, text};
    }
    return 0;
}

/* Gives the card the values of both objects, all of them checked; those of `first` win. */
static int combine(struct px_card *card, const json_t *first, const json_t *second,
                   struct px_error *err)
{
    struct px_card next = {.values = json_object(), .notes = card->notes};
    int rc = next.values ? 0 : out_of_memory(err);

    for (size_t i = 0; !rc && i < PX_CARD_KEYS; i++) {
        json_t *value = json_object_get(first, keys[i].key);
        if (!value)
            value = json_object_get(second, keys[i].key);
        if (value && json_object_set(next.values, keys[i].key, value) != 0)
            rc = out_of_memory(err);
    }
    if (!rc)
        rc = fill_entries(&next, err);
    struct px_card old = *card;
    if (rc)
        old = next;
    else
        *card = next;
    clear_entries(&old);
    json_decref(old.values);
    return rc;
}

static int key_index(const char *key)
{
    for (int i = 0; i < PX_CARD_KEYS; i++)
        if (strcmp(keys[i].key, key) == 0)
            return i;
    return -1;
}

bool px_card_has_key(const char *key)
{
    return key_index(key) >= 0;
}

/* Checks a value and puts it into `checked`. */
static int check(json_t *checked, int index, const json_t *value, struct px_error *err)
{
    json_t *read = NULL;
    int rc = 0;

    if (json_is_null(value))
        read = json_null();
    else
        rc = keys[index].read(&read, value, err);
    if (rc)
        return rc;
    /* Takes the reference, even if it fails. */
    return json_object_set_new(checked, keys[index].key, read) == 0 ? 0 : out_of_memory(err);
}

static int add_object(struct px_card *card, json_t *object, struct px_error *err)
{
    const struct px_checkpoint_notes before = card->notes;
    json_t *checked = json_object();
    int rc = checked ? 0 : out_of_memory(err);
    void *place = json_object_iter(object);

    for (; !rc && place; place = json_object_iter_next(object, place)) {
        const char *key = json_object_iter_key(place);
        int index = key_index(key);
        if (index < 0) {
            px_checkpoint_note(&card->notes, "the key '%.40s' is not known and ignored", key);
            continue;
        }
        rc = check(checked, index, json_object_iter_value(place), err);
        if (rc)
            px_error_prefix(err, key);
    }
    if (!rc)
        rc = combine(card, checked, card->values, err);
    if (rc)
        card->notes = before;
    json_decref(checked);
    return rc;
}

int px_card_parse(struct px_card *card, const char *json, size_t size, struct px_error *err)
{
    json_error_t error;
    json_t *object = json_loadb(json, size, JSON_REJECT_DUPLICATES, &error);
    int rc;

    if (!object && json_error_code(&error) == json_error_out_of_memory)
        return out_of_memory(err);
    if (!object)
        return px_fail(err, PX_E_FORMAT, "not valid JSON: %s (line %d, column %d)", error.text,
                       error.line, error.column);
    if (json_is_object(object))
        rc = add_object(card, object, err);
    else
        rc = px_fail(err, PX_E_FORMAT,
                     "holds no JSON object: write it as {\"title\": \"...\", ...}");
    json_decref(object);
    return rc;
}

int px_card_add_file(struct px_card *card, const char *path, struct px_error *err)
{
    uint8_t *data;
    size_t size;
    int rc = px_file_read(path, MAX_FILE, &data, &size, err);

    if (rc)
        return rc;
    rc = px_card_parse(card, (const char *)data, size, err);
    if (rc)
        px_error_prefix(err, path);
    free(data);
    return rc;
}

/* The value that an entry of metadata stands for; NULL if it is not JSON. */
static json_t *decode(int index, const char *text)
{
    if (keys[index].text)
        return json_string(text);
    return json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

static int read_entry(json_t *checked, const struct px_metadata *entry, struct px_error *err)
{
    int index = key_index(entry->key);
    json_t *value = decode(index, entry->value);
    int rc = value ? check(checked, index, value, err)
                   : px_fail(err, PX_E_FORMAT, "'%.40s' is not JSON", entry->value);

    if (rc) {
        px_error_prefix(err, entry->key);
        px_error_prefix(err, "metadata");
    }
    json_decref(value);
    return rc;
}

int px_card_add_metadata(struct px_card *card, const struct px_tensor_list *list,
                         struct px_error *err)
{
    const bool own = px_metadata_find(list, "architecture") && px_checkpoint_is_own(list);
    json_t *checked = json_object();
    int rc = checked ? 0 : out_of_memory(err);

    for (size_t i = 0; !rc && i < list->metadata_count; i++) {
        struct px_error found;
        if (!px_card_has_key(list->metadata[i].key))
            continue;
        rc = read_entry(checked, &list->metadata[i], &found);
        if (rc == -PX_E_FORMAT && !own) {
            px_checkpoint_note(&card->notes, "the %.150s; ignored", found.message);
            rc = 0;
        } else if (rc && err) {
            *err = found;
        }
    }
    if (!rc)
        rc = combine(card, checked, card->values, err);
    json_decref(checked);
    return rc;
}

int px_card_add_model(struct px_card *card, const struct px_checkpoint *checkpoint,
                      const char *path, struct px_error *err)
{
    char beside[PX_PATH_MAX];
    int rc = px_path_with_suffix(beside, path, ".json", err);

    if (rc)
        return rc;
    rc = px_card_add_metadata(card, px_checkpoint_list(checkpoint), err);
    if (rc) {
        px_error_prefix(err, path);
        return rc;
    }
    struct px_error found = {0};
    rc = px_card_add_file(card, beside, &found);
    if (rc == -PX_E_NOT_FOUND)
        return 0;
    if (rc && err)
        *err = found;
    return rc;
}

int px_card_add_text(struct px_card *card, const char *key, const char *text, struct px_error *err)
{
    json_t *value = json_string(text); /* NULL if it is not UTF-8, too */
    json_t *checked = json_object();
    int rc = checked ? 0 : out_of_memory(err);

    if (!rc && !value)
        rc = px_fail(err, PX_E_INVALID, "'%.60s' is not UTF-8", text);
    if (!rc)
        rc = check(checked, key_index(key), value, err);
    if (rc == -PX_E_FORMAT && err)
        err->code = PX_E_INVALID;
    if (!rc)
        rc = combine(card, checked, card->values, err);
    json_decref(checked);
    json_decref(value);
    return rc == -PX_E_FORMAT ? -PX_E_INVALID : rc;
}

int px_card_fill(struct px_card *card, const struct px_card *other, struct px_error *err)
{
    return combine(card, card->values, other->values, err);
}

const struct px_metadata *px_card_metadata(const struct px_card *card, size_t *count)
{
    *count = card->count;
    return card->entries;
}

char *px_card_json(const struct px_card *card)
{
    json_t *object = json_object();
    const char *key;
    json_t *value;
    bool good = object != NULL;
    char *text = NULL;

    json_object_foreach(card->values, key, value)
    {
        if (!json_is_null(value))
            good = good && json_object_set(object, key, value) == 0;
    }
    if (good)
        text = dump(object);
    json_decref(object);
    return text;
}

bool px_card_is_preferred(const struct px_card *card)
{
    return json_is_true(json_object_get(card->values, "preferred"));
}

size_t px_card_palette(const struct px_card *card, struct px_card_colour *colours)
{
    const json_t *palette = json_object_get(card->values, "palette");
    size_t count = json_array_size(palette); /* 0 of what is not one */

    for (size_t i = 0; colours && i < count; i++) {
        const json_t *entry = json_array_get(palette, i);
        unsigned rgb = 0;

        sscanf(json_string_value(json_object_get(entry, "colour")), "#%6x", &rgb);
        colours[i] = (struct px_card_colour){
            .name = json_string_value(json_object_get(entry, "name")),
            .rgb = {(uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8), (uint8_t)rgb},
        };
    }
    return count;
}

const char *px_card_notes(const struct px_card *card)
{
    return card->notes.text;
}
