#ifndef CODECS_LAB_H
#define CODECS_LAB_H

#include <stdint.h>

/* CIE L*a*b* of an sRGB colour under D65, as scikit-image's rgb2lab: L in 0..100, a and b about
 * -86..98 and -108..94. Stateless. */
struct px_lab {
    float L, a, b;
};

struct px_lab px_lab_from_srgb(const uint8_t rgb[3]);

#endif
