#ifndef MODEL_CHECKPOINT_CARD_H
#define MODEL_CHECKPOINT_CARD_H

/* The card of a model: what people and pages should know about it beside its network. It is kept in
 * the __metadata__ of a safetensors file, under the same keys, and in NAME.json beside
 * NAME.safetensors, a JSON object of at most 1 MiB. All keys are optional:
 *
 *   title        a line of at most 80 characters
 *   description  a line of at most 400 characters
 *   input        what the model takes: "lines" (a drawing), "labels" (areas in the palette's
 *                colours) or "photo"
 *   palette      [{"name": "wall", "colour": "#0d3dfb"}, ...], 1 to 64 of them, the background
 *                first, names of at most 40 characters, neither names nor colours twice; or "cmp":
 *                the twelve classes of the CMP facade data base in the colours of pix2pix; or
 *                "cityscapes": the classes of Cityscapes
 *   line_width   of a drawing, in pixels of the model's training size: 0.5 to 64
 *   preferred    true for the model that a daemon takes by default among those of its folder
 *   examples     up to 8 inputs: data: URLs of PNG, JPEG or WebP in base64, each of at most
 *                32768 characters
 *
 * Texts are UTF-8 without control characters. In a file, null removes what the metadata says. Keys
 * that are not in this list are ignored, with a note. In __metadata__, texts are kept as they are
 * and everything else as JSON.
 *
 * Life cycle: px_card_create() makes an empty card, px_card_destroy() frees it. The functions that
 * add may be called any number of times; what is added later wins, key by key, except in
 * px_card_fill(). What fails adds nothing (px_card_add_model() perhaps the metadata). One thread at
 * a time; once nothing is added any more, any number may read. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/checkpoint/checkpoint.h"

struct px_card;

int px_card_create(struct px_card **out, struct px_error *err); /* NOMEM */
void px_card_destroy(struct px_card *card);                     /* accepts NULL */

/* Adds the card of a model that was opened from `path`: its metadata, then NAME.json if there is
 * one. FORMAT if a value is not as above; in metadata that px_checkpoint_save() did not write it is
 * ignored with a note. The message begins with the file and the key. Failures of reading NAME.json:
 * IO, TOO_LARGE. */
int px_card_add_model(struct px_card *card, const struct px_checkpoint *checkpoint,
                      const char *path, struct px_error *err);

/* Adds what a JSON file says. NOT_FOUND, IO, TOO_LARGE, FORMAT; the message begins with the path.
 */
int px_card_add_file(struct px_card *card, const char *path, struct px_error *err);

/* The same from memory; messages begin with the key. */
int px_card_parse(struct px_card *card, const char *json, size_t size, struct px_error *err);

/* Adds the keys of a card among a file's metadata. FORMAT. */
int px_card_add_metadata(struct px_card *card, const struct px_tensor_list *list,
                         struct px_error *err);

/* Adds title, description or input. INVALID; the message does not name the key. */
int px_card_add_text(struct px_card *card, const char *key, const char *text, struct px_error *err);

/* Adds what another card says under keys of which this one says nothing, not even null. NOMEM. */
int px_card_fill(struct px_card *card, const struct px_card *other, struct px_error *err);

/* Whether the metadata of this key belongs to a card. */
bool px_card_has_key(const char *key);

/* The card as entries of a safetensors file's __metadata__, which belong to the card and are valid
 * until it changes. */
enum { PX_CARD_KEYS = 7 };
const struct px_metadata *px_card_metadata(const struct px_card *card, size_t *count);

/* The card as a JSON object in one line, "{}" if it is empty. NULL without memory; the caller frees
 * it. */
char *px_card_json(const struct px_card *card);

/* Whether it says "preferred": true. */
bool px_card_is_preferred(const struct px_card *card);

/* The palette, and how many colours it has; 0 without one. `colours` may be NULL; the names belong
 * to the card and are valid until it changes. */
enum { PX_CARD_COLOURS = 64 };
struct px_card_colour {
    const char *name;
    uint8_t rgb[3];
};
size_t px_card_palette(const struct px_card *card, struct px_card_colour *colours);

/* What was ignored: one line, "" if nothing was. */
const char *px_card_notes(const struct px_card *card);

#endif
