#!/usr/bin/python3
"""Writes tests/codecs/data/skimage.txt: metrics and Lab colours by scikit-image, for
tests/codecs/test_quality.c.

    apt-get install python3-skimage && /usr/bin/python3 tests/codecs/make_skimage_golden.py

PSNR and SSIM are scikit-image's own; MS-SSIM, which it does not have, is scipy's filters put together
as in Wang, Simoncelli and Bovik (2003). The pictures are those of make_quality_golden.py. Lines:
`compare WIDTH HEIGHT CHANNELS NOISE SEED PSNR SSIM MS_SSIM` and `lab R G B L a b`.
"""
import pathlib

import numpy
from scipy.ndimage import correlate1d
from skimage.color import rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from make_quality_golden import luma, pictures

CASES = [(176, 176, 1, 40, 1), (200, 181, 3, 30, 7), (256, 256, 3, 90, 9)]
EXPONENTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
COLOURS = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (1, 2, 3), (10, 10, 10),
           (128, 64, 200), (200, 180, 142), (13, 61, 251), (250, 128, 114), (77, 77, 78)]


def window(x):
    taps = numpy.exp(-numpy.arange(-5, 6)**2 / (2 * 1.5**2))
    taps /= taps.sum()
    return correlate1d(correlate1d(x, taps, axis=0), taps, axis=1)[5:-5, 5:-5]


def scale(a, b):
    c1, c2 = (.01 * 255)**2, (.03 * 255)**2
    ma, mb = window(a), window(b)
    va, vb, vab = window(a * a) - ma * ma, window(b * b) - mb * mb, window(a * b) - ma * mb
    contrast = (2 * vab + c2) / (va + vb + c2)
    return (contrast * (2 * ma * mb + c1) / (ma * ma + mb * mb + c1)).mean(), contrast.mean()


def halve(x):
    x = x[:x.shape[0] // 2 * 2, :x.shape[1] // 2 * 2]
    return (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4


def ms_ssim(a, b):
    product = 1.0
    for i, exponent in enumerate(EXPONENTS):
        whole, contrast = scale(a, b)
        product *= max(0.0, whole if i == len(EXPONENTS) - 1 else contrast)**exponent
        a, b = halve(a), halve(b)
    return product


def main():
    lines = []
    for width, height, channels, noise, seed in CASES:
        a, b = pictures(width, height, channels, noise, seed)
        psnr = peak_signal_noise_ratio(numpy.array(a, 'uint8'), numpy.array(b, 'uint8'), data_range=255)
        la, lb = (numpy.array(luma(x, channels), 'float64').reshape(height, width) for x in (a, b))
        ssim = structural_similarity(la, lb, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                     data_range=255)
        lines.append(f"compare {width} {height} {channels} {noise} {seed} {psnr:.12g} {ssim:.12g} {ms_ssim(la, lb):.12g}\n")
    for rgb in COLOURS:
        lab = rgb2lab(numpy.array([[rgb]], 'uint8'))[0][0]
        lines.append("lab %d %d %d %.6f %.6f %.6f\n" % (*rgb, *lab))
    (pathlib.Path(__file__).parent / "data" / "skimage.txt").write_text("".join(lines))


main()
