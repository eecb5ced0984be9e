#include "tools/facade/facade.h"
#include "tools/facade/parts/facade_night.h"

#include <string.h>

/* The twelve colours of the CMP facade data base, as the pix2pix demos draw them. */
#define BACKGROUND                                                                                 \
    {                                                                                              \
        0x00, 0x06, 0xd9                                                                           \
    }
#define WALL                                                                                       \
    {                                                                                              \
        0x0d, 0x3d, 0xfb                                                                           \
    }
#define DOOR                                                                                       \
    {                                                                                              \
        0xa5, 0x00, 0x00                                                                           \
    }
#define WINDOW                                                                                     \
    {                                                                                              \
        0x00, 0x75, 0xff                                                                           \
    }
#define SILL                                                                                       \
    {                                                                                              \
        0x68, 0xf8, 0x98                                                                           \
    }
#define HEAD                                                                                       \
    {                                                                                              \
        0x1d, 0xff, 0xdd                                                                           \
    }
#define SHUTTER                                                                                    \
    {                                                                                              \
        0xee, 0xed, 0x28                                                                           \
    }
#define BALCONY                                                                                    \
    {                                                                                              \
        0xb8, 0xff, 0x38                                                                           \
    }
#define TRIM                                                                                       \
    {                                                                                              \
        0xff, 0x92, 0x04                                                                           \
    }
#define CORNICE                                                                                    \
    {                                                                                              \
        0xff, 0x44, 0x01                                                                           \
    }
#define COLUMN                                                                                     \
    {                                                                                              \
        0xf6, 0x00, 0x01                                                                           \
    }
#define ENTRANCE                                                                                   \
    {                                                                                              \
        0x00, 0xc9, 0xff                                                                           \
    }

static const struct px_canvas_rgb labels[PX_PART_COUNT] = {
    [PX_PART_SKY] = BACKGROUND,  [PX_PART_GROUND] = BACKGROUND, [PX_PART_PATH] = BACKGROUND,
    [PX_PART_ROOF] = BACKGROUND, [PX_PART_RIDGE] = TRIM,        [PX_PART_CHIMNEY] = COLUMN,
    [PX_PART_WALL] = WALL,       [PX_PART_PLINTH] = TRIM,       [PX_PART_COLUMN] = COLUMN,
    [PX_PART_BAND] = TRIM,       [PX_PART_BEAM] = TRIM,         [PX_PART_CORNICE] = CORNICE,
    [PX_PART_HEAD] = HEAD,       [PX_PART_WINDOW] = WINDOW,     [PX_PART_SILL] = SILL,
    [PX_PART_SHUTTER] = SHUTTER, [PX_PART_BLIND] = SHUTTER,     [PX_PART_BALCONY] = BALCONY,
    [PX_PART_DOOR] = DOOR,       [PX_PART_STEP] = SILL,         [PX_PART_SHOP] = ENTRANCE,
    [PX_PART_SIGN] = ENTRANCE,   [PX_PART_AWNING] = SHUTTER,    [PX_PART_BUSH] = BACKGROUND,
};

int px_facade_labels(const struct px_facade *facade, struct px_image *image, uint32_t left,
                     struct px_error *err)
{
    struct px_canvas canvas;
    int rc = px_canvas_init(&canvas, (int)image->height, err);

    if (rc != 0)
        return rc;
    for (int i = 0; i < facade->count; i++)
        px_canvas_fill(&canvas, &facade->parts[i].shape, labels[facade->parts[i].kind]);
    px_canvas_reduce(&canvas, image, left);
    px_canvas_clear(&canvas);
    return 0;
}

/* The right half in grey (ITU-R BT.601), into the left half. */
static void copy_grey(struct px_image *image)
{
    size_t side = image->height;

    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++) {
            uint8_t *to = image->data + (y * 2 * side + x) * 3;
            const uint8_t *from = to + side * 3;

            memset(to, (from[0] * 299 + from[1] * 587 + from[2] * 114 + 500) / 1000, 3);
        }
}

int px_facade_pair(const struct px_facade *facade, enum px_facade_input input,
                   struct px_image *image, struct px_error *err)
{
    int rc = px_facade_render(facade, image, input == PX_FACADE_DAY ? 0 : image->height, err);

    if (rc != 0)
        return rc;
    if (input == PX_FACADE_DAY)
        return px_facade_darken(facade, image, err);
    if (input == PX_FACADE_LABELS)
        return px_facade_labels(facade, image, 0, err);
    if (input == PX_FACADE_SKETCH)
        return px_facade_sketch(facade, image, 0, err);
    copy_grey(image);
    return 0;
}
