#ifndef TESTS_MODEL_REFERENCE_H
#define TESTS_MODEL_REFERENCE_H

/* Convolution from its definition, in double precision, nhwc, for tests: slow and obvious.
 * y[n,p,q,o] = sum_{c,k,l} w[o][c][k][l] * x[n, p*stride+k-pad, q*stride+l-pad, c]; taps outside
 * are 0. */

struct reference_conv {
    int n, ih, iw, ic, oc, kernel, stride, pad;
};

static inline int reference_out(const struct reference_conv *c, int size)
{
    return (size + 2 * c->pad - c->kernel) / c->stride + 1;
}

/* Calls tap(context, index of x, index of w, index of y) for every multiply-add of the convolution.
 */
static inline void reference_conv_taps(const struct reference_conv *c,
                                       void (*tap)(void *, long, long, long), void *context)
{
    int oh = reference_out(c, c->ih), ow = reference_out(c, c->iw);

    for (int n = 0; n < c->n; n++)
        for (int p = 0; p < oh; p++)
            for (int q = 0; q < ow; q++)
                for (int k = 0; k < c->kernel; k++)
                    for (int l = 0; l < c->kernel; l++) {
                        int y = p * c->stride + k - c->pad, x = q * c->stride + l - c->pad;
                        if (y < 0 || x < 0 || y >= c->ih || x >= c->iw)
                            continue;
                        long src = (((long)n * c->ih + y) * c->iw + x) * c->ic;
                        long dst = (((long)n * oh + p) * ow + q) * c->oc;
                        for (int o = 0; o < c->oc; o++)
                            for (int i = 0; i < c->ic; i++)
                                tap(context, src + i,
                                    (((long)o * c->ic + i) * c->kernel + k) * c->kernel + l,
                                    dst + o);
                    }
}

#endif
