/* Makes what the black-box tests of pix2pix need:
 *     fixture model FILE INPUT_NC OUTPUT_NC   a random unet_32, ngf 4, with running statistics
 *     fixture picture FILE WIDTH HEIGHT                    a colourful picture, PNG or JPEG
 *     fixture half FILE left|right OUT                     one half of a picture
 *     fixture turn FILE.png ORIENTATION OUT                the same file with an EXIF orientation
 *     fixture size FILE                                    prints "WIDTH HEIGHT CHANNELS FORMAT" */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "model/network/network.h"
#include "tools/bench/random_model.h"
#include "translate/half.h"

static int make_model(char **argv, struct px_error *err)
{
    const struct px_network_options options = {.architecture = "unet_32",
                                               .ngf = 4,
                                               .input_nc = atoi(argv[1]),
                                               .output_nc = atoi(argv[2]),
                                               .norm = PX_NORM_BATCH,
                                               .dropout = true,
                                               .crop_size = 32,
                                               .direction = "AtoB"};
    struct px_network network;
    int rc = px_network_make(&network, &options, err);

    if (!rc)
        rc = px_random_model_save(argv[0], &network, 7, err);
    return rc;
}

static int make_picture(char **argv, struct px_error *err)
{
    struct px_image image;
    int rc = px_image_init(&image, (uint32_t)atoi(argv[1]), (uint32_t)atoi(argv[2]), 3, err);

    if (rc)
        return rc;
    for (uint32_t i = 0; i < image.width * image.height; i++) {
        image.data[3 * i] = (uint8_t)(i % image.width * 7);
        image.data[3 * i + 1] = (uint8_t)(i / image.width * 5);
        image.data[3 * i + 2] = (uint8_t)(i * 3);
    }
    rc = px_image_save(argv[0], &image, 95, err);
    px_image_clear(&image);
    return rc;
}

static int cut_half(char **argv, struct px_error *err)
{
    struct px_image image, half;
    int rc = px_image_load(argv[0], NULL, 3, &image, err);

    if (rc)
        return rc;
    rc = px_half_cut(&image, strcmp(argv[1], "right") == 0, &half, err);
    if (!rc) {
        rc = px_image_save(argv[2], &half, 95, err);
        px_image_clear(&half);
    }
    px_image_clear(&image);
    return rc;
}

/* Puts an eXIf chunk behind the header, which ends at byte 33. */
static int turn(char **argv, struct px_error *err)
{
    uint8_t chunk[38] = {
        0, 0, 0, 26, 'e', 'X', 'I', 'f', 'M', 'M', 0, 42, 0, 0,
        0, 8, 0, 1,  1,   18,  0,   3,   0,   0,   0, 1,  0, (uint8_t)atoi(argv[1])};
    uint32_t crc = (uint32_t)crc32(0, chunk + 4, 30);
    struct px_file_writer writer;
    uint8_t *data;
    size_t size;
    int rc = px_file_read(argv[0], 1 << 24, &data, &size, err);

    if (rc)
        return rc;
    for (int i = 0; i < 4; i++)
        chunk[34 + i] = (uint8_t)(crc >> (24 - 8 * i));
    rc = px_file_open(&writer, argv[2], err);
    if (!rc) {
        px_file_write(&writer, data, 33, err);
        px_file_write(&writer, chunk, sizeof chunk, err);
        px_file_write(&writer, data + 33, size - 33, err);
        rc = px_file_commit(&writer, err);
    }
    free(data);
    return rc;
}

static int print_size(char **argv, struct px_error *err)
{
    struct px_image_info info;
    uint8_t *data;
    size_t size;
    int rc = px_file_read(argv[0], 1 << 24, &data, &size, err);

    if (rc)
        return rc;
    rc = px_image_probe((struct px_span){data, size}, NULL, &info, err);
    free(data);
    if (!rc)
        printf("%u %u %u %s\n", info.width, info.height, info.channels,
               px_format_name(info.format));
    return rc;
}

int main(int argc, char **argv)
{
    struct px_error err = {.message = "wrong arguments"};
    int rc = -1;

    if (argc == 5 && strcmp(argv[1], "model") == 0)
        rc = make_model(argv + 2, &err);
    else if (argc == 5 && strcmp(argv[1], "picture") == 0)
        rc = make_picture(argv + 2, &err);
    else if (argc == 5 && strcmp(argv[1], "half") == 0)
        rc = cut_half(argv + 2, &err);
    else if (argc == 5 && strcmp(argv[1], "turn") == 0)
        rc = turn(argv + 2, &err);
    else if (argc == 3 && strcmp(argv[1], "size") == 0)
        rc = print_size(argv + 2, &err);
    if (rc)
        fprintf(stderr, "fixture: %s\n", err.message);
    return rc != 0;
}
