#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoint/card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct px_card *empty(void)
{
    struct px_card *card;

    if (px_card_create(&card, NULL) != 0)
        abort();
    return card;
}

/* `text` must be what the card says; frees both. */
static void expect_same(struct px_card *card, char *text)
{
    char *again = px_card_json(card);

    if (!text || !again || strcmp(text, again) != 0)
        abort();
    free(again);
    px_card_destroy(card);
}

/* A NAME.json. What is accepted must survive as JSON and as metadata. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct px_card *card = empty(), *parsed = empty(), *stored = empty();
    struct px_error err = {0};

    if (px_card_parse(card, (const char *)data, size, &err) != 0) {
        if (!err.message[0])
            abort();
        px_card_destroy(parsed);
        px_card_destroy(stored);
        px_card_destroy(card);
        return 0;
    }
    struct px_metadata entries[PX_CARD_KEYS];
    struct px_tensor_list list = {.metadata = entries};
    char *text = px_card_json(card);
    memcpy(entries, px_card_metadata(card, &list.metadata_count), sizeof entries);
    if (!text || px_card_parse(parsed, text, strlen(text), &err) != 0 ||
        px_card_add_metadata(stored, &list, &err) != 0)
        abort();
    expect_same(parsed, text);
    expect_same(stored, text);
    free(text);
    px_card_destroy(card);
    return 0;
}
