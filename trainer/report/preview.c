#include "trainer/report/preview.h"

#include <stdlib.h>
#include <string.h>

#include "codecs/resize.h"

struct px_preview {
    size_t rows;
    uint32_t side;
    struct px_image sheet;
};

int px_preview_create(struct px_preview **out, size_t rows, uint32_t side, struct px_error *err)
{
    struct px_preview *p = calloc(1, sizeof *p);

    if (!p)
        return px_fail(err, PX_E_NOMEM, "no memory for the pictures of an epoch");
    p->rows = rows;
    p->side = side;
    int rc = px_image_init(&p->sheet, 3 * side + 2 * PX_PREVIEW_GAP,
                           (uint32_t)rows * (side + PX_PREVIEW_GAP) - PX_PREVIEW_GAP, 3, err);
    if (rc) {
        px_preview_destroy(p);
        return rc;
    }
    memset(p->sheet.data, 255, (size_t)p->sheet.width * p->sheet.height * 3);
    *out = p;
    return 0;
}

void px_preview_destroy(struct px_preview *p)
{
    if (!p)
        return;
    px_image_clear(&p->sheet);
    free(p);
}

/* The longer side of a picture becomes `side`. */
static uint32_t fitted(uint32_t length, uint32_t longest, uint32_t side)
{
    uint64_t scaled = ((uint64_t)length * side + longest / 2) / longest;

    return scaled ? (uint32_t)scaled : 1;
}

/* Copies the picture, at most side x side, to the middle of its place. */
static void copy(struct px_preview *p, const struct px_image *image, size_t row, uint32_t column)
{
    uint32_t channels = image->channels;
    uint32_t step = channels >= 3 ? 1 : 0; /* from red to green to blue */
    uint32_t pitch = p->side + PX_PREVIEW_GAP;
    size_t left = column * pitch + (p->side - image->width) / 2;
    size_t top = row * pitch + (p->side - image->height) / 2;

    for (uint32_t y = 0; y < image->height; y++) {
        const uint8_t *from = image->data + (size_t)y * image->width * channels;
        uint8_t *to = p->sheet.data + ((top + y) * p->sheet.width + left) * 3;
        for (uint32_t x = 0; x < image->width; x++, from += channels)
            for (uint32_t c = 0; c < 3; c++)
                *to++ = from[c * step];
    }
}

static void paste(struct px_preview *p, const struct px_image *image, size_t row, uint32_t column)
{
    uint32_t longest = image->width > image->height ? image->width : image->height;
    struct px_image scaled;

    if (px_image_resize(image, fitted(image->width, longest, p->side),
                        fitted(image->height, longest, p->side), &scaled, NULL) != 0)
        return;
    copy(p, &scaled, row, column);
    px_image_clear(&scaled);
}

void px_preview_draw(void *preview, size_t row, const struct px_image *input,
                     const struct px_image *output, const struct px_image *target)
{
    struct px_preview *p = preview;

    if (row >= p->rows)
        return;
    paste(p, input, row, 0);
    paste(p, output, row, 1);
    paste(p, target, row, 2);
}

const struct px_image *px_preview_sheet(const struct px_preview *p)
{
    return &p->sheet;
}
