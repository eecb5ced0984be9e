#include "trainer/report/thumbs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/base64.h"
#include "codecs/codec.h"
#include "codecs/resize.h"

enum { QUALITY = 85 };

struct px_thumbs {
    size_t rows;
    struct px_thumbs_epoch epochs[PX_THUMBS_EPOCHS + 1]; /* ascending */
    size_t count;
    char *inputs[PX_PREVIEW_ROWS], *targets[PX_PREVIEW_ROWS]; /* small */
    char *large[PX_PREVIEW_ROWS][3]; /* input, output, target of the latest epoch */
};

int px_thumbs_create(struct px_thumbs **out, size_t rows, struct px_error *err)
{
    struct px_thumbs *t = calloc(1, sizeof *t);

    assert(rows <= PX_PREVIEW_ROWS);
    if (!t)
        return px_fail(err, PX_E_NOMEM, "no memory for the report's pictures");
    t->rows = rows;
    *out = t;
    return 0;
}

static void forget(char **urls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(urls[i]);
        urls[i] = NULL;
    }
}

void px_thumbs_destroy(struct px_thumbs *t)
{
    if (!t)
        return;
    for (size_t e = 0; e < t->count; e++)
        forget(t->epochs[e].outputs, PX_PREVIEW_ROWS);
    forget(t->inputs, PX_PREVIEW_ROWS);
    forget(t->targets, PX_PREVIEW_ROWS);
    for (size_t r = 0; r < PX_PREVIEW_ROWS; r++)
        forget(t->large[r], 3);
    free(t);
}

/* The smallest power of two that leaves room for the first epoch and the latest. */
static int64_t stride_of(int64_t last)
{
    int64_t stride = 1;

    while (last / stride > PX_THUMBS_EPOCHS - 2)
        stride *= 2;
    return stride;
}

bool px_thumbs_keeps(int64_t epoch, int64_t last)
{
    return epoch == 1 || epoch == last || epoch % stride_of(last) == 0;
}

/* The picture in a row and column of a sheet. */
static int cut(const struct px_image *sheet, size_t row, size_t column, struct px_image *out,
               struct px_error *err)
{
    uint32_t side = (sheet->width - 2 * PX_PREVIEW_GAP) / 3, pitch = side + PX_PREVIEW_GAP;
    int rc = px_image_init(out, side, side, 3, err);

    for (uint32_t y = 0; !rc && y < side; y++)
        memcpy(out->data + (size_t)y * side * 3,
               sheet->data + ((row * pitch + y) * sheet->width + column * pitch) * 3,
               (size_t)side * 3);
    return rc;
}

static int make_url(const struct px_image *image, char **url, struct px_error *err)
{
    static const char head[] = "data:image/jpeg;base64,";
    static const struct px_encoding jpeg = {.format = PX_FORMAT_JPEG, .quality = QUALITY};
    struct px_buffer file = {0};
    int rc = px_image_encode(image, &jpeg, &file, err);

    if (rc) {
        free(file.data);
        return rc;
    }
    char *text = malloc(sizeof head + px_base64_size(file.size));
    if (text) {
        memcpy(text, head, sizeof head);
        px_base64_encode(file.data, file.size, text + sizeof head - 1);
    }
    free(file.data);
    if (!text)
        return px_fail(err, PX_E_NOMEM, "no memory for the report's pictures");
    free(*url);
    *url = text;
    return 0;
}

/* A picture of the sheet, no side longer than `side`; replaces *url. */
static int encode(const struct px_image *sheet, size_t row, size_t column, uint32_t side,
                  char **url, struct px_error *err)
{
    struct px_image whole = {0}, small = {0};
    int rc = cut(sheet, row, column, &whole, err);

    if (!rc && whole.width > side) {
        rc = px_image_resize(&whole, side, side, &small, err);
        px_image_clear(&whole);
        whole = small;
    }
    if (!rc)
        rc = make_url(&whole, url, err);
    px_image_clear(&whole);
    return rc;
}

/* Frees what is no longer shown once `last` is added. */
static void thin(struct px_thumbs *t, int64_t last)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->count; i++)
        if (px_thumbs_keeps(t->epochs[i].epoch, last))
            t->epochs[kept++] = t->epochs[i];
        else
            forget(t->epochs[i].outputs, PX_PREVIEW_ROWS);
    t->count = kept;
}

int px_thumbs_add(struct px_thumbs *t, int64_t epoch, const struct px_image *sheet,
                  struct px_error *err)
{
    int rc = 0;

    thin(t, epoch);
    assert(t->count <= PX_THUMBS_EPOCHS);
    struct px_thumbs_epoch *to = &t->epochs[t->count++];
    *to = (struct px_thumbs_epoch){.epoch = epoch};
    for (size_t r = 0; !rc && r < t->rows; r++) {
        rc = encode(sheet, r, 1, PX_THUMBS_SIDE, &to->outputs[r], err);
        if (!rc && !t->inputs[r])
            rc = encode(sheet, r, 0, PX_THUMBS_SIDE, &t->inputs[r], err);
        if (!rc && !t->targets[r])
            rc = encode(sheet, r, 2, PX_THUMBS_SIDE, &t->targets[r], err);
        for (size_t c = 0; !rc && c < 3; c++)
            if (c == 1 || !t->large[r][c])
                rc = encode(sheet, r, c, PX_THUMBS_LARGE, &t->large[r][c], err);
    }
    return rc;
}

size_t px_thumbs_rows(const struct px_thumbs *t)
{
    return t->rows;
}

const struct px_thumbs_epoch *px_thumbs_epochs(const struct px_thumbs *t, size_t *count)
{
    *count = t->count;
    return t->epochs;
}

const char *px_thumbs_small(const struct px_thumbs *t, size_t row, size_t column)
{
    assert(row < t->rows && (column == 0 || column == 2));
    const char *url = column == 0 ? t->inputs[row] : t->targets[row];
    return url ? url : "";
}

const char *px_thumbs_large(const struct px_thumbs *t, size_t row, size_t column)
{
    assert(row < t->rows && column < 3);
    return t->large[row][column] ? t->large[row][column] : "";
}
