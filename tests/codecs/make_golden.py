#!/usr/bin/python3
"""Writes tests/codecs/data/: small pictures and the pixels that Pillow makes of them.

    apt-get install python3-pil && /usr/bin/python3 tests/codecs/make_golden.py

Needed only to change the data; the tests read what is committed. data/png/NAME.png and
data/jpeg/NAME.jpg are inputs; NAME.raw beside each is what must come out: a line `WIDTH HEIGHT
CHANNELS...`, then the upright picture once for every number of channels listed. data/resize.txt has
a line for every resize: `IN_WIDTH IN_HEIGHT CHANNELS OUT_WIDTH OUT_HEIGHT KIND FNV1A FIRST_BYTES`.

PNGs are written by the code below, since Pillow cannot write most of the format. Their expected
pixels are calculated from what was written, and compared with Pillow's reading where Pillow is right
(it cuts 16 bits to 8 where we round, and forgets the scale of grey tRNS below 8 bits).
"""
import io
import pathlib
import random
import struct
import zlib

from PIL import Image, ImageOps

DATA = pathlib.Path(__file__).parent / "data"
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
rng = random.Random(1)


def exif(orientation, order="MM", kind=3):
    e = ">" if order == "MM" else "<"
    value = struct.pack(e + "HH", orientation, 0) if kind == 3 else struct.pack(e + "I", orientation)
    return (order.encode() + struct.pack(e + "HI", 42, 8) + struct.pack(e + "H", 2)
            + struct.pack(e + "HHI", 0x0100, 4, 1) + struct.pack(e + "I", 9)
            + struct.pack(e + "HHI", 0x0112, kind, 1) + value + struct.pack(e + "I", 0))


# --- PNG ---------------------------------------------------------------------------------------

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(rows, depth):
    """Rows of samples to filtered scanlines; the filters take turns."""
    out = b""
    bpp = None
    before = None
    for y, row in enumerate(rows):
        samples, per_pixel = row
        bits = "".join(format(s, f"0{depth}b") for s in samples)
        bits += "0" * (-len(bits) % 8)
        line = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        bpp = max(1, per_pixel * depth // 8)
        up = before or bytes(len(line))
        kind = y % 5
        filtered = bytearray()
        for i, v in enumerate(line):
            a = line[i - bpp] if i >= bpp else 0
            b = up[i]
            c = up[i - bpp] if i >= bpp else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            filtered.append((v - (0, a, b, (a + b) // 2, paeth)[kind]) & 255)
        out += bytes([kind]) + filtered
        before = line
    return out


def png(width, height, depth, colour, pixels, interlaced=False, chunks=()):
    """pixels[y][x] is a tuple of samples."""
    n = SAMPLES[colour]
    body = b""
    for x0, y0, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        rows = [([s for p in row[x0::dx] for s in p], n) for row in pixels[y0::dy]]
        if rows and rows[0][0]:
            body += pack_rows(rows, depth)
    ihdr = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    data = zlib.compress(body, 9)
    cut = len(data) // 2
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + b"".join(chunk(*c) for c in chunks)
            + chunk(b"IDAT", data[:cut]) + chunk(b"IDAT", data[cut:]) + chunk(b"IEND", b""))


def to8(value, depth):
    top = (1 << depth) - 1
    return (value * 255 * 2 + top) // (2 * top)


def rgba_of(pixel, depth, colour, palette, trns):
    if colour == 3:
        rgb = palette[pixel[0]]
        alpha = trns[pixel[0]] if trns and pixel[0] < len(trns) else 255
        return (*rgb, alpha)
    samples = [to8(s, depth) for s in pixel]
    alpha = samples[-1] if colour in (4, 6) else (0 if trns == pixel else 255)
    return (*(samples[:1] * 3 if colour in (0, 4) else samples[:3]), alpha)


def variants(rgba):
    """The picture with 1, 2, 3 and 4 channels, as codecs/codec.h says."""
    white = Image.new("RGB", rgba.size, (255, 255, 255))
    white.paste(rgba.convert("RGB"), mask=rgba.getchannel("A"))
    return [white.convert("L"), rgba.convert("LA"), white, rgba]


def write(path, data, images):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    head = "%d %d %s\n" % (*images[0].size, " ".join(str(len(i.getbands())) for i in images))
    path.with_suffix(".raw").write_bytes(head.encode() + b"".join(i.tobytes() for i in images))


def make_png(name, depth, colour, size=(13, 9), trns=None, interlaced=False, orientation=1, before=()):
    width, height = size
    top = (1 << depth) - 1
    palette = [tuple(rng.randrange(256) for _ in range(3)) for _ in range(1 << depth)] if colour == 3 else None
    pixels = [[tuple(rng.randint(0, top) for _ in range(SAMPLES[colour])) for _ in range(width)]
              for _ in range(height)]
    chunks = list(before)
    if palette:
        chunks.append((b"PLTE", b"".join(bytes(c) for c in palette)))
    if trns == "some":  # a palette: half its entries
        trns = [rng.randrange(256) for _ in range(len(palette) // 2)]
        chunks.append((b"tRNS", bytes(trns)))
    elif trns == "pixel":  # the colour of one pixel, and a near miss
        trns = pixels[height // 2][width // 2]
        pixels[0][0] = trns
        pixels[0][1] = (trns[0] ^ 1, *trns[1:])
        chunks.append((b"tRNS", b"".join(struct.pack(">H", s) for s in trns)))
    data = png(width, height, depth, colour, pixels, interlaced, chunks)
    rgba = Image.new("RGBA", size)
    rgba.putdata([rgba_of(p, depth, colour, palette, trns) for row in pixels for p in row])
    if depth <= 8 and (colour == 3 or not trns or depth == 8):
        pillow = Image.open(io.BytesIO(data)).convert("RGBA")
        assert pillow.tobytes() == rgba.tobytes(), name
    if orientation != 1:
        tagged = Image.open(io.BytesIO(data))
        assert ImageOps.exif_transpose(tagged).size == (height, width)
        rgba = rgba.transpose(Image.Transpose.ROTATE_270)  # orientation 6
    write(DATA / "png" / (name + ".png"), data, variants(rgba))


def make_pngs():
    for depth in (1, 2, 4, 8, 16):
        make_png(f"grey-{depth}", depth, 0)
        make_png(f"grey-{depth}-trns", depth, 0, trns="pixel", interlaced=depth in (2, 8))
    for depth in (1, 2, 4, 8):
        make_png(f"palette-{depth}", depth, 3, interlaced=depth == 2)
        make_png(f"palette-{depth}-trns", depth, 3, trns="some", interlaced=depth == 4)
    for depth in (8, 16):
        make_png(f"rgb-{depth}", depth, 2)
        make_png(f"rgb-{depth}-trns", depth, 2, trns="pixel")
        make_png(f"rgb-{depth}-interlaced", depth, 2, interlaced=True)
        make_png(f"grey-alpha-{depth}", depth, 4)
        make_png(f"grey-alpha-{depth}-interlaced", depth, 4, interlaced=True)
        make_png(f"rgba-{depth}", depth, 6)
        make_png(f"rgba-{depth}-interlaced", depth, 6, interlaced=True)
    make_png("one-pixel", 8, 2, size=(1, 1))
    make_png("one-column-interlaced", 8, 2, size=(1, 17), interlaced=True)
    make_png("one-row", 8, 6, size=(19, 1))
    make_png("gamma-and-profile-ignored", 8, 2, before=[
        (b"gAMA", struct.pack(">I", 100000)), (b"iCCP", b"broken\0\0" + zlib.compress(b"no profile")),
        (b"tEXt", b"Comment\0hello"), (b"zzZz", b"unknown")])
    make_png("turned-6", 8, 2, orientation=6, before=[(b"eXIf", exif(6))])
    make_png("turned-6-interlaced", 8, 6, orientation=6, interlaced=True, before=[(b"eXIf", exif(6, "II"))])


# --- JPEG --------------------------------------------------------------------------------------

def picture(mode, size):
    """Soft shapes and some noise: what JPEG is for."""
    width, height = size
    bands = []
    for _ in Image.new(mode, (1, 1)).getbands():
        a, b, c = rng.uniform(2, 9), rng.uniform(2, 9), rng.randrange(40, 200)
        band = Image.new("L", size)
        band.putdata([int(c + 5 * ((x * a + y * b) % 16) * (1 if x + y > width // 2 else -1) / 2
                          + rng.randrange(12)) % 256 for y in range(height) for x in range(width)])
        bands.append(band)
    return Image.merge(mode, bands)


def encode(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def without(data, marker):
    at = 2
    while data[at + 1] != marker:
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    return data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]:]


def adobe(transform):
    return segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform))


def after_soi(data, more):
    return data[:2] + more + data[2:]


def make_jpeg(name, data):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    write(DATA / "jpeg" / (name + ".jpg"), data, [image])


def make_jpegs():
    colour = picture("RGB", (23, 17))
    cmyk = encode(picture("CMYK", (19, 11)), quality=92)
    make_jpeg("baseline", encode(colour))
    make_jpeg("baseline-444", encode(colour, quality=95, subsampling=0))
    make_jpeg("baseline-422", encode(colour, subsampling=1))
    make_jpeg("optimised", encode(colour, optimize=True))
    make_jpeg("progressive", encode(colour, progressive=True))
    make_jpeg("progressive-grey", encode(picture("L", (23, 17)), progressive=True))
    make_jpeg("grey", encode(picture("L", (23, 17))))
    make_jpeg("one-pixel", encode(picture("RGB", (1, 1))))
    make_jpeg("one-row", encode(picture("RGB", (41, 1))))
    make_jpeg("one-column", encode(picture("RGB", (1, 41))))
    make_jpeg("cmyk-adobe", cmyk)
    make_jpeg("cmyk-without-adobe", without(cmyk, 0xEE))
    make_jpeg("ycck", after_soi(without(cmyk, 0xEE), adobe(2)))
    make_jpeg("rgb-adobe", after_soi(without(encode(colour, subsampling=0), 0xE0), adobe(0)))
    make_jpeg("broken-profile", encode(colour, icc_profile=b"no profile"))
    for orientation in range(1, 9):
        make_jpeg(f"turned-{orientation}", encode(colour, exif=b"Exif\0\0" + exif(orientation)))
    make_jpeg("turned-6-little-endian", encode(colour, exif=b"Exif\0\0" + exif(6, "II")))
    make_jpeg("turned-9-means-upright", encode(colour, exif=b"Exif\0\0" + exif(9)))
    plain = encode(colour)
    twice = b"".join(segment(0xE1, b"Exif\0\0" + exif(o)) for o in (8, 3))
    write(DATA / "jpeg" / "turned-twice-first-counts.jpg", after_soi(plain, twice),
          [Image.open(io.BytesIO(plain)).transpose(Image.Transpose.ROTATE_90)])
    make_jpeg("exif-cut-short", after_soi(plain, segment(0xE1, b"Exif\0\0" + exif(6)[:20])))


# --- resize ------------------------------------------------------------------------------------

MASK = (1 << 64) - 1


def mix64(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def noise(kind, size):
    """px_hash(1, 2, i) of base/random.h; kind 0: any byte, 1: only 0 and 255."""
    key = mix64(1 + 0x9E3779B97F4A7C15) ^ mix64(2 * 0xD1342543DE82EF95 + 1 & MASK)
    values = (mix64(key + (i + 1) * 0x9E3779B97F4A7C15 & MASK) for i in range(size))
    return bytes(v & 255 for v in values) if kind == 0 else bytes(255 * (v & 1) for v in values)


def fnv(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = (h ^ b) * 0x100000001B3 & MASK
    return h


def make_resizes():
    sizes = [(256, 256, 286, 286), (300, 200, 256, 256), (640, 480, 256, 256), (64, 64, 256, 256),
             (1, 40, 1, 17), (1, 5, 9, 23), (40, 1, 256, 1), (1, 1, 7, 5), (7, 5, 1, 1), (400, 3, 2, 9),
             (33, 21, 32, 21), (33, 21, 33, 20), (17, 31, 34, 62), (101, 57, 13, 90), (8, 8, 8, 8),
             (255, 129, 100, 300)]
    lines = []
    for width, height, to_width, to_height in sizes:
        for channels, mode in enumerate(("L", "LA", "RGB", "RGBA"), 1):
            for kind in (0, 1):
                if width * height > 20000 and (kind or channels == 2):
                    continue
                image = Image.frombytes(mode, (width, height), noise(kind, width * height * channels))
                out = image.resize((to_width, to_height), Image.Resampling.BICUBIC).tobytes()
                lines.append("%d %d %d %d %d %d %016x %s\n" % (
                    width, height, channels, to_width, to_height, kind, fnv(out), out[:8].hex()))
    (DATA / "resize.txt").write_text("".join(lines))


DATA.mkdir(exist_ok=True)
make_pngs()
make_jpegs()
make_resizes()
