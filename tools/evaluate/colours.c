#include "tools/evaluate/colours.h"

#include "codecs/lab.h"

static int bin_of(float value, float low, float high)
{
    int bin = (int)((value - low) / (high - low) * PX_COLOUR_BINS);

    return bin < 0 ? 0 : bin >= PX_COLOUR_BINS ? PX_COLOUR_BINS - 1 : bin;
}

void px_colours_add(struct px_colours *colours, const struct px_image *image)
{
    size_t pixels = (size_t)image->width * image->height;

    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *p = image->data + i * image->channels;
        const uint8_t grey[3] = {p[0], p[0], p[0]};
        const struct px_lab lab = px_lab_from_srgb(image->channels >= 3 ? p : grey);

        colours->bins[PX_COLOUR_L][bin_of(lab.L, 0, 100)]++;
        colours->bins[PX_COLOUR_A][bin_of(lab.a, -110, 110)]++;
        colours->bins[PX_COLOUR_B][bin_of(lab.b, -110, 110)]++;
    }
    colours->pixels += pixels;
}

double px_colours_intersection(const struct px_colours *a, const struct px_colours *b,
                               enum px_colour_axis axis)
{
    double sum = 0;

    if (!a->pixels || !b->pixels)
        return 0;
    for (int i = 0; i < PX_COLOUR_BINS; i++) {
        double p = (double)a->bins[axis][i] / (double)a->pixels;
        double q = (double)b->bins[axis][i] / (double)b->pixels;

        sum += p < q ? p : q;
    }
    return sum;
}
