#ifndef TRAINER_REFLECT_H
#define TRAINER_REFLECT_H

/* ReflectionPad2d and its gradient, f32, nhwc: the pad mirrors the pixels beside the edge, which
 * itself is not repeated. Sums run in a fixed order whatever the threads. */

struct px_reflect {
    int n, height, width, channels; /* of the pictures without the pad */
    int pad;                        /* on each side; less than height and width */
    int threads;
};

/* in: (n, height, width, channels), out: (n, height + 2 pad, width + 2 pad, channels). */
void px_reflect_pad(const struct px_reflect *r, const float *in, float *out);

/* The gradient by `in` from that by `out`; overwrites din. */
void px_reflect_fold(const struct px_reflect *r, const float *dout, float *din);

#endif
