#!/usr/bin/python3
"""Writes tests/codecs/data/quality.txt: L1, PSNR and SSIM by their definitions.

    python3 tests/codecs/make_quality_golden.py

Needs nothing but Python. Unlike codecs/quality.c, which runs along rows and columns and takes
variances as E[x^2] - E[x]^2, this weighs the whole 11 x 11 window at every position (ssim.m of Wang
et al. 2004, mode 'valid') and takes variances about the mean. The pictures are made by one linear
congruential sequence that tests/codecs/test_quality.c repeats.

A line for every pair: `WIDTH HEIGHT CHANNELS NOISE SEED L1 PSNR SSIM`.
"""
import math
import pathlib

CASES = [(11, 11, 1, 40, 1), (24, 17, 1, 5, 2), (17, 24, 3, 30, 3), (40, 32, 3, 255, 4), (20, 20, 4, 12, 5),
         (13, 30, 2, 60, 6)]


def pictures(width, height, channels, noise, seed):
    state = seed
    a, b = [], []
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                state = (state * 1103515245 + 12345) % 2**31
                value = (x * 9 + y * 5 + c * 40 + (state >> 20) % 32) % 256
                state = (state * 1103515245 + 12345) % 2**31
                a.append(value)
                b.append(min(255, max(0, value + (state >> 16) % (noise + 1) - noise // 2)))
    return a, b


def luma(samples, channels):
    def over_white(c, alpha):  # rounded as codecs/pixels.h says
        return (c * alpha + 255 * (255 - alpha) + 127) // 255

    def grey(r, g, b):
        return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16

    pixels = [samples[i:i + channels] for i in range(0, len(samples), channels)]
    if channels == 1:
        return [p[0] for p in pixels]
    if channels == 2:
        return [over_white(p[0], p[1]) for p in pixels]
    if channels == 3:
        return [grey(*p) for p in pixels]
    return [grey(*(over_white(c, p[3]) for c in p[:3])) for p in pixels]


def ssim(a, b, width, height):
    c1, c2 = (.01 * 255)**2, (.03 * 255)**2
    window = [math.exp(-((i - 5)**2 + (j - 5)**2) / (2 * 1.5**2)) for i in range(11) for j in range(11)]
    scale = sum(window)
    window = [w / scale for w in window]
    total = 0.0
    for y in range(height - 10):
        for x in range(width - 10):
            p = [a[(y + i) * width + x + j] for i in range(11) for j in range(11)]
            q = [b[(y + i) * width + x + j] for i in range(11) for j in range(11)]
            ma = sum(w * v for w, v in zip(window, p))
            mb = sum(w * v for w, v in zip(window, q))
            aa = sum(w * (v - ma)**2 for w, v in zip(window, p))
            bb = sum(w * (v - mb)**2 for w, v in zip(window, q))
            ab = sum(w * (v - ma) * (u - mb) for w, v, u in zip(window, p, q))
            total += (2 * ma * mb + c1) * (2 * ab + c2) / ((ma * ma + mb * mb + c1) * (aa + bb + c2))
    return total / ((width - 10) * (height - 10))


def main():
    lines = []
    for width, height, channels, noise, seed in CASES:
        a, b = pictures(width, height, channels, noise, seed)
        l1 = sum(abs(p - q) for p, q in zip(a, b)) / len(a) / 127.5
        psnr = 10 * math.log10(255**2 / (sum((p - q)**2 for p, q in zip(a, b)) / len(a)))
        value = ssim(luma(a, channels), luma(b, channels), width, height)
        lines.append(f"{width} {height} {channels} {noise} {seed} {l1:.15g} {psnr:.15g} {value:.15g}\n")
    (pathlib.Path(__file__).parent / "data" / "quality.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
