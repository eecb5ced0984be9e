#include "trainer/augment.h"

#include <stddef.h>

#include "base/random.h"

/* Streams of px_hash(): far from small numbers, which the network's own draws use. */
enum { STREAM_SAMPLE = 0x5a3b1e, STREAM_ORDER = 0x0bde42 };

struct px_augment px_augment_draw(uint64_t seed, uint64_t sample,
                                  const struct px_augment_room *room)
{
    struct px_random random;
    struct px_augment augment;

    px_random_seed(&random, px_hash(seed, STREAM_SAMPLE, sample));
    augment.x = px_random_below(&random, room->x + 1);
    augment.y = px_random_below(&random, room->y + 1);
    augment.flip = px_random_below(&random, 2) == 1 && room->flip;
    return augment;
}

void px_augment_apply(const struct px_augment *augment, const struct px_image *image, uint32_t crop,
                      float *out)
{
    size_t channels = image->channels;

    for (uint32_t y = 0; y < crop; y++) {
        const uint8_t *row =
            image->data + ((size_t)(augment->y + y) * image->width + augment->x) * channels;
        for (uint32_t x = 0; x < crop; x++) {
            const uint8_t *pixel = row + (augment->flip ? crop - 1 - x : x) * channels;
            for (size_t c = 0; c < channels; c++)
                *out++ = (float)pixel[c] / 127.5f - 1.0f;
        }
    }
}

void px_augment_order(uint64_t seed, uint64_t epoch, uint32_t *order, uint32_t count)
{
    struct px_random random;

    px_random_seed(&random, px_hash(seed, STREAM_ORDER, epoch));
    for (uint32_t i = 0; i < count; i++) { /* Fisher-Yates, inside out */
        uint32_t j = px_random_below(&random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}
