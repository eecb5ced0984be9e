#include "codecs/lab.h"

#include <math.h>

static double linear(uint8_t v)
{
    double x = v / 255.0;

    return x > 0.04045 ? pow((x + 0.055) / 1.055, 2.4) : x / 12.92;
}

static double root(double t)
{
    return t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116;
}

struct px_lab px_lab_from_srgb(const uint8_t rgb[3])
{
    double r = linear(rgb[0]), g = linear(rgb[1]), b = linear(rgb[2]);
    double x = root((0.412453 * r + 0.357580 * g + 0.180423 * b) / 0.95047);
    double y = root(0.212671 * r + 0.715160 * g + 0.072169 * b);
    double z = root((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.08883);

    return (struct px_lab){(float)(116 * y - 16), (float)(500 * (x - y)), (float)(200 * (y - z))};
}
