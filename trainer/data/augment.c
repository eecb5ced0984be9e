#include "trainer/data/augment.h"

#include <stddef.h>

#include "base/random.h"

/* Streams of px_hash(): far from small numbers, which the network's own draws use. */
enum { STREAM_SAMPLE = 0x5a3b1e, STREAM_ORDER = 0x0bde42 };

struct px_augment px_augment_draw(uint64_t seed, uint64_t sample,
                                  const struct px_augment_slack *room)
{
    struct px_random random;
    struct px_augment augment;

    px_random_seed(&random, px_hash(seed, STREAM_SAMPLE, sample));
    augment.x = px_random_below(&random, room->x + 1);
    augment.y = px_random_below(&random, room->y + 1);
    augment.flip = px_random_below(&random, 2) == 1 && room->flip;
    return augment;
}

static inline float sample_of(const struct px_picture *picture, size_t at)
{
    return (picture->deep ? (float)picture->deep[at] / 32767.5f
                          : (float)picture->data[at] / 127.5f) -
           1.0f;
}

void px_augment_apply(const struct px_augment *augment, const struct px_picture *picture,
                      uint32_t width, uint32_t height, float *out)
{
    size_t channels = picture->channels;

    for (size_t y = 0; y < height; y++) {
        size_t row = (augment->y + y) * picture->width + augment->x;
        for (size_t x = 0; x < width; x++) {
            size_t pixel = row + (augment->flip ? width - 1 - x : x);
            for (size_t c = 0; c < channels; c++)
                *out++ = sample_of(picture, pixel * channels + c);
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
