#include "model/dnn/parts/winograd_parts.h"

struct px_winograd_spot px_winograd_spot_of(const struct px_winograd_shape *s, size_t square)
{
    size_t columns = (size_t)s->columns, each = (size_t)s->rows * columns;

    return (struct px_winograd_spot){.picture = square / each,
                                     .row = s->side * (int)(square % each / columns),
                                     .column = s->side * (int)(square % columns)};
}

void px_winograd_take(const struct px_winograd_shape *s, const float *from, size_t square,
                      float *out, size_t step)
{
    const struct px_winograd_spot at = px_winograd_spot_of(s, square);
    const float *picture = from + at.picture * (size_t)s->ih * (size_t)s->iw * (size_t)s->ic;
    struct px_patch patch = {.channels = (size_t)s->ic, .step = step};
    int points = s->points;

    for (int part = 0; part < s->gather * s->gather; part++) {
        int top = s->gather * at.row + part / s->gather - s->pad;
        int left = s->gather * at.column + part % s->gather - s->pad;

        patch.whole = true;
        patch.out = out + (size_t)part * patch.channels;
        for (int p = 0; p < points * points; p++) {
            int y = top + s->gather * (p / points), x = left + s->gather * (p % points);
            bool inside = y >= 0 && y < s->ih && x >= 0 && x < s->iw;

            patch.pixel[p] =
                inside ? picture + ((size_t)y * (size_t)s->iw + (size_t)x) * patch.channels : NULL;
            patch.whole = patch.whole && inside;
        }
        px_minimal_take(&patch, points);
    }
}
