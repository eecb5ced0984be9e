#include "tools/evaluate/labels.h"

#include <math.h>
#include <stdlib.h>

static int class_of(const struct px_palette *palette, const uint8_t *p)
{
    int best = 0, least = INT32_MAX;

    for (int i = 0; i < palette->count; i++) {
        const uint8_t *c = palette->colours[i];
        int r = p[0] - c[0], g = p[1] - c[1], b = p[2] - c[2];
        int d = r * r + g * g + b * b;

        if (d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

static bool is_near(const uint8_t *p, const uint8_t *colour, int tolerance)
{
    return abs(p[0] - colour[0]) <= tolerance && abs(p[1] - colour[1]) <= tolerance &&
           abs(p[2] - colour[2]) <= tolerance;
}

static double share(const struct px_palette *palette, const struct px_image *image, int tolerance)
{
    size_t pixels = (size_t)image->width * image->height, near = 0;

    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *p = image->data + i * 3;

        near += is_near(p, palette->colours[class_of(palette, p)], tolerance);
    }
    return (double)near / (double)pixels;
}

bool px_labels_is_map(const struct px_palette *palette, const struct px_image *image)
{
    const int jpeg = 24; /* what it does to a flat colour */

    return image->channels == 3 && share(palette, image, jpeg) >= 0.98;
}

double px_labels_share(const struct px_palette *palette, const struct px_image *image)
{
    return share(palette, image, 48);
}

void px_confusion_add(struct px_confusion *confusion, const struct px_palette *palette,
                      const struct px_image *truth, const struct px_image *found)
{
    size_t pixels = (size_t)truth->width * truth->height;

    for (size_t i = 0; i < pixels; i++) {
        int class = class_of(palette, truth->data + i * 3);

        if (!palette->is_void[class])
            confusion->counts[class][class_of(palette, found->data + i * 3)]++;
    }
}

struct px_label_scores px_confusion_scores(const struct px_confusion *confusion,
                                           const struct px_palette *palette)
{
    struct px_label_scores scores = {0};
    double right = 0, all = 0;
    int occurring = 0, present = 0;

    for (int i = 0; i < palette->count; i++) {
        double row = 0, column = 0, both = (double)confusion->counts[i][i];

        for (int j = 0; j < palette->count; j++) {
            row += (double)confusion->counts[i][j];
            column += (double)confusion->counts[j][i];
        }
        right += both;
        all += row;
        if (row > 0) {
            scores.class_mean += both / row;
            occurring++;
        }
        if (row + column > 0 && !palette->is_void[i]) {
            scores.iou += both / (row + column - both);
            present++;
        }
    }
    scores.pixel = all > 0 ? right / all : (double)NAN;
    scores.class_mean = occurring ? scores.class_mean / occurring : (double)NAN;
    scores.iou = present ? scores.iou / present : (double)NAN;
    return scores;
}
