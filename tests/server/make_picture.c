/* make_picture OUT.png|OUT.jpg WIDTH HEIGHT SEED
 *
 * Writes a colour picture of blocks and noise: something to send that differs with the seed. */

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "codecs/codec.h"

int main(int argc, char **argv)
{
    struct px_image image = {0};
    struct px_error err = {0};

    if (argc != 5) {
        fprintf(stderr, "usage: make_picture OUT.png|OUT.jpg WIDTH HEIGHT SEED\n");
        return 2;
    }
    uint32_t width = (uint32_t)atoi(argv[2]), height = (uint32_t)atoi(argv[3]);
    uint64_t seed = strtoull(argv[4], NULL, 10);
    int rc = px_image_init(&image, width, height, 3, &err);
    for (uint32_t y = 0; y < height && rc == 0; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++)
                image.data[(y * width + x) * 3 + c] =
                    (uint8_t)(px_hash(seed, c, (y / 8) * 4096 + x / 8) % 224 +
                              px_hash(seed, c + 3, y * width + x) % 32);
    if (rc == 0)
        rc = px_image_save(argv[1], &image, 90, &err);
    px_image_clear(&image);
    if (rc < 0)
        fprintf(stderr, "make_picture: %s\n", err.message);
    return px_error_exit(rc);
}
