#include "trainer/preview.h"

#include <stdlib.h>
#include <string.h>

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
    int rc = px_image_create(&p->sheet, 3 * side + 2 * PX_PREVIEW_GAP,
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
    px_image_destroy(&p->sheet);
    free(p);
}

static void paste(struct px_preview *p, const struct px_image *image, size_t row, uint32_t column)
{
    uint32_t channels = image->channels;
    uint32_t step = channels >= 3 ? 1 : 0; /* from red to green to blue */
    uint32_t pitch = p->side + PX_PREVIEW_GAP;

    for (uint32_t y = 0; y < p->side; y++) {
        const uint8_t *from = image->data + (size_t)y * p->side * channels;
        uint8_t *to = p->sheet.data + ((row * pitch + y) * p->sheet.width + column * pitch) * 3;
        for (uint32_t x = 0; x < p->side; x++, from += channels)
            for (uint32_t c = 0; c < 3; c++)
                *to++ = from[c * step];
    }
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
