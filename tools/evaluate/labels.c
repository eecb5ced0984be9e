#include "tools/evaluate/labels.h"

#include <math.h>
#include <stdlib.h>

static const uint8_t colours[PX_LABEL_CLASSES][3] = {
    {0x00, 0x06, 0xd9}, {0x0d, 0x3d, 0xfb}, {0xa5, 0x00, 0x00}, {0x00, 0x75, 0xff},
    {0x68, 0xf8, 0x98}, {0x1d, 0xff, 0xdd}, {0xee, 0xed, 0x28}, {0xb8, 0xff, 0x38},
    {0xff, 0x92, 0x04}, {0xff, 0x44, 0x01}, {0xf6, 0x00, 0x01}, {0x00, 0xc9, 0xff},
};

static int class_of(const uint8_t *p)
{
    int best = 0, least = INT32_MAX;

    for (int i = 0; i < PX_LABEL_CLASSES; i++) {
        int r = p[0] - colours[i][0], g = p[1] - colours[i][1], b = p[2] - colours[i][2];
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

static double share(const struct px_image *image, int tolerance)
{
    size_t pixels = (size_t)image->width * image->height, near = 0;

    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *p = image->data + i * 3;

        near += is_near(p, colours[class_of(p)], tolerance);
    }
    return (double)near / (double)pixels;
}

bool px_labels_is_map(const struct px_image *image)
{
    const int jpeg = 24; /* what it does to a flat colour */

    return image->channels == 3 && share(image, jpeg) >= 0.98;
}

double px_labels_share(const struct px_image *image)
{
    return share(image, 48);
}

void px_confusion_add(struct px_confusion *confusion, const struct px_image *truth,
                      const struct px_image *found)
{
    size_t pixels = (size_t)truth->width * truth->height;

    for (size_t i = 0; i < pixels; i++)
        confusion->counts[class_of(truth->data + i * 3)][class_of(found->data + i * 3)]++;
}

struct px_label_scores px_confusion_scores(const struct px_confusion *confusion)
{
    struct px_label_scores scores = {0};
    double right = 0, all = 0;
    int occurring = 0, present = 0;

    for (int i = 0; i < PX_LABEL_CLASSES; i++) {
        double row = 0, column = 0, both = (double)confusion->counts[i][i];

        for (int j = 0; j < PX_LABEL_CLASSES; j++) {
            row += (double)confusion->counts[i][j];
            column += (double)confusion->counts[j][i];
        }
        right += both;
        all += row;
        if (row > 0) {
            scores.class_mean += both / row;
            occurring++;
        }
        if (row + column > 0) {
            scores.iou += both / (row + column - both);
            present++;
        }
    }
    scores.pixel = all > 0 ? right / all : (double)NAN;
    scores.class_mean = occurring ? scores.class_mean / occurring : (double)NAN;
    scores.iou = present ? scores.iou / present : (double)NAN;
    return scores;
}
