#!/usr/bin/python3
"""Writes tests/codecs/data/faults/: pictures of data/jpeg and data/png with one fault each.

    apt-get install libjpeg-turbo-progs && tests/codecs/make_faults.py

Needed only to change the data; the tests read what is committed. accepted/BASE.FAULT.EXT must give the
pixels of data/EXT/BASE.EXT. Chromium and djpeg agree, but that Chromium refuses bytes between scans;
Pillow agrees on what it reads, and refuses wrong CRCs before the pixels. refused/BASE.FAULT.EXT must be refused with the message that test_faults.c lists.
"""
import pathlib
import struct
import subprocess
import tempfile
import zlib

DATA = pathlib.Path(__file__).parent / "data"
OUT = DATA / "faults"


def write(kind, name, data):
    (OUT / kind / name).write_bytes(data)


# --- JPEG --------------------------------------------------------------------------------------

def segments(data):
    """[(marker, bytes)]: a scan's bytes include its entropy data; first SOI, last EOI."""
    parts, at = [(0xD8, data[:2])], 2
    while at < len(data):
        marker, start = data[at + 1], at
        at += 2
        if marker != 0xD9:
            at += struct.unpack(">H", data[at:at + 2])[0]
        while marker == 0xDA and not (data[at] == 0xFF and data[at + 1] not in (0, *range(0xD0, 0xD8))):
            at += 1
        parts.append((marker, data[start:at]))
    return parts


def join(parts):
    return b"".join(part for _, part in parts)


def first(parts, marker, nth=0):
    return [i for i, p in enumerate(parts) if p[0] == marker][nth]


def with_junk(data, marker, junk, nth=0):
    parts = segments(data)
    parts.insert(first(parts, marker, nth), (None, junk))
    return join(parts)


def with_sos(data, ss, se, a):
    parts = segments(data)
    i = first(parts, 0xDA)
    scan = bytearray(parts[i][1])
    end = 2 + struct.unpack(">H", scan[2:4])[0]
    scan[end - 3:end] = bytes((ss, se, a))
    parts[i] = (0xDA, bytes(scan))
    return join(parts)


def with_segment(data, marker, payload, before=0xDB, drop=None):
    parts = [p for p in segments(data) if p[0] != drop]
    segment = bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload
    parts.insert(first(parts, before), (marker, segment))
    return join(parts)


def adobe(transform):
    return b"Adobe" + bytes((0, 100, 0, 0, 0, 0, transform))


def jpegtran(*options):
    return subprocess.run(["jpegtran", *options, DATA / "jpeg" / "baseline.jpg"], check=True,
                          stdout=subprocess.PIPE).stdout


def jpegs():
    plain = (DATA / "jpeg" / "baseline.jpg").read_bytes()
    ycck = (DATA / "jpeg" / "ycck.jpg").read_bytes()
    restarts = jpegtran("-restart", "1B")
    progressive = jpegtran("-progressive")
    with tempfile.NamedTemporaryFile("w", suffix=".scans") as scans:
        scans.write("0;\n1;\n2;\n")
        scans.flush()
        separate = jpegtran("-scans", scans.name)

    good = {
        "sos-0-0-0": with_sos(plain, 0, 0, 0),
        "sos-0-63-1": with_sos(plain, 0, 63, 1),
        "sos-63-0-255": with_sos(plain, 63, 0, 255),
        "sos-in-scans": with_sos(separate, 1, 5, 0x21),
        "zeros-before-eoi": with_junk(plain, 0xD9, bytes(18)),
        "text-before-eoi": with_junk(plain, 0xD9, b"CCTV frame 17"),
        "stuffed-before-eoi": with_junk(plain, 0xD9, b"\1\xff\0\2\xff\xff\xff\0"),
        "junk-before-dqt": with_junk(plain, 0xDB, b"\0\0"),
        "junk-before-sof": with_junk(plain, 0xC0, b"\xff\0junk\xff\0\xff\0"),
        "junk-before-dht": with_junk(plain, 0xC4, b"0123456789"),
        "junk-before-sos": with_junk(plain, 0xDA, b"abc"),
        "junk-before-app0": with_junk(with_segment(plain, 0xFE, b"comment", 0xE0), 0xE0, bytes(5)),
        "junk-between-scans": with_junk(separate, 0xDA, b"xyz", 1),
        "junk-in-progressive": with_junk(progressive, 0xDA, b"\0\1\2", 2),
        "junk-before-restart": restarts.replace(b"\xff\xd1", b"\0\0\xff\xd1"),
        "more-junk-before-restart": restarts.replace(b"\xff\xd1", bytes(40) + b"\xff\xd1"),
        "restart-in-header": with_junk(plain, 0xDB, b"\xff\xd3"),
        "tem-in-header": with_junk(plain, 0xC0, b"\xff\x01"),
        "fill-bytes": with_junk(plain, 0xC4, b"\xff" * 9),
        "jfif-2": plain[:11] + b"\2" + plain[12:],
        "jfif-thumbnail": plain[:18] + b"\x09\x09" + plain[20:],
        "adobe-7": with_segment(plain, 0xEE, adobe(7), 0xDB, drop=0xE0),
        "icc-5-of-2": with_segment(plain, 0xE2, b"ICC_PROFILE\0\5\2junk"),
        "icc-empty": with_segment(plain, 0xE2, b"ICC_PROFILE\0"),
        "exif-cut": with_segment(plain, 0xE1, b"Exif\0\0MM\0*"),
        "comment-of-length-0": with_junk(plain, 0xDB, b"\xff\xfe\0\0"),
        "app1-of-length-1": with_junk(plain, 0xDB, b"\xff\xe1\0\1"),
        "standard-tables-left-out": join(p for p in segments(plain) if p[0] != 0xC4),  # as in MJPEG
        "junk-after-eoi": plain + b"and more\xff\xd8\xff\xd9",
    }
    for name, data in good.items():
        write("accepted", f"baseline.{name}.jpg", data)
    i = ycck.index(b"Adobe") + 11
    write("accepted", "ycck.adobe-5.jpg", ycck[:i] + b"\5" + ycck[i + 1:])

    parts = segments(progressive)
    lost = [p for i, p in enumerate(parts) if i != first(parts, 0xDA, 2)]
    entropy = first(segments(plain), 0xDA)
    cut = segments(plain)
    cut[entropy] = (0xDA, cut[entropy][1][:-9])
    wrong = segments(plain)
    wrong[entropy] = (0xDA, wrong[entropy][1][:52] + b"\xef" * 30 + wrong[entropy][1][82:])
    bad = {
        "no-eoi": plain[:-2],
        "half": plain[:650],
        "entropy-missing": join(cut),
        "entropy-wrong": join(wrong),
        "restart-missing": restarts.replace(b"\xff\xd1", b""),
        "restarts-swapped": restarts.replace(b"\xff\xd0", b"\xff\xd5"),
        "scan-missing": join(lost),
        "junk-instead-of-frame": plain[:100] + bytes(100),
        "junk-with-marker": with_junk(plain, 0xD9, b"\0\xff\xde\0\2"),
        "no-frame": join(p for p in segments(plain) if p[0] != 0xC0),
    }
    for name, data in bad.items():
        write("refused", f"baseline.{name}.jpg", data)


# --- PNG ---------------------------------------------------------------------------------------

def chunk(kind, data, crc=None):
    if crc is None:
        crc = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def chunks(data):
    at, found = 8, []
    while at < len(data):
        size = struct.unpack(">I", data[at:at + 4])[0]
        found.append((data[at + 4:at + 8], data[at + 8:at + 8 + size]))
        at += 12 + size
    return found


def png(parts):
    return b"\x89PNG\r\n\x1a\n" + b"".join(p if isinstance(p, bytes) else chunk(*p) for p in parts)


def inserted(data, before, *new):
    parts = chunks(data)
    at = [i for i, p in enumerate(parts) if p[0] == before][0]
    return png(parts[:at] + list(new) + parts[at:])


def wrong_crc(data, kind):
    parts = chunks(data)
    return png([chunk(*p, crc=zlib.crc32(p[0] + p[1]) ^ 0x100) if p[0] == kind else p for p in parts])


def renamed(data, kind, name):
    """The name changed, nothing else: the CRC is the old name's."""
    parts = chunks(data)
    return png([chunk(name, p[1], zlib.crc32(p[0] + p[1])) if p[0] == kind else p for p in parts])


def with_idat(data, change):
    parts = chunks(data)
    idat = change(b"".join(p[1] for p in parts if p[0] == b"IDAT"))
    head = [p for p in parts if p[0] not in (b"IDAT", b"IEND")]
    return png(head + [(b"IDAT", idat), (b"IEND", b"")])


def pngs():
    rgb, palette, trns = ((DATA / "png" / (name + ".png")).read_bytes()
                          for name in ("rgb-8", "palette-4", "rgb-8-trns"))
    turned = b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    bad = {"crc": 0}
    good = {
        "text-crc": inserted(rgb, b"IDAT", chunk(b"tEXt", b"Comment\0hello", **bad)),
        "text-after-idat-crc": inserted(rgb, b"IEND", chunk(b"tEXt", b"Comment\0hello", **bad)),
        "iccp-crc": inserted(rgb, b"IDAT", chunk(b"iCCP", b"sRGB\0\0junk", **bad)),
        "iccp-broken": inserted(rgb, b"IDAT", (b"iCCP", b"sRGB\0\0junk")),
        "gama-crc": inserted(rgb, b"IDAT", chunk(b"gAMA", struct.pack(">I", 10000), **bad)),
        "gama-of-3-bytes": inserted(rgb, b"IDAT", (b"gAMA", b"\0\0\1")),
        "bkgd-crc": inserted(rgb, b"IDAT", chunk(b"bKGD", bytes(6), **bad)),
        "sbit-crc": inserted(rgb, b"IDAT", chunk(b"sBIT", b"\1\1\1", **bad)),
        "phys-crc": inserted(rgb, b"IDAT", chunk(b"pHYs", b"\0\0\0\1\0\0\0\2\0", **bad)),
        "time-crc": inserted(rgb, b"IEND", chunk(b"tIME", bytes(7), **bad)),
        "exif-crc": inserted(rgb, b"IDAT", chunk(b"eXIf", turned, **bad)),
        "exif-name": inserted(rgb, b"IDAT", (b"e\0If", turned)),
        "ztxt-broken": inserted(rgb, b"IDAT", (b"zTXt", b"Comment\0\0junk")),
        "twice-srgb": inserted(rgb, b"IDAT", (b"sRGB", b"\0"), (b"sRGB", b"\1")),
        "name-s1it": inserted(rgb, b"IDAT", (b"s\1IT", b"abc")),
        "name-not-ascii": inserted(rgb, b"IDAT", (b"t\xc3\xa4x", b"abc")),
        "name-and-crc": inserted(rgb, b"IEND", chunk(b"n!!!", b"", **bad)),
        "animation": inserted(rgb, b"IDAT", chunk(b"acTL", bytes(8), **bad)),
        "iend-crc": wrong_crc(rgb, b"IEND"),
        "iend-with-data": rgb[:-12] + chunk(b"IEND", b"data"),
        "junk-after-iend": rgb + b"and more\0\0\0\1tRNS",
        "data-after-stream": with_idat(rgb, lambda z: z + b"more"),
        "rows-after-last": with_idat(rgb, lambda z: zlib.compress(zlib.decompress(z) + bytes(400))),
        "idat-after-last": inserted(rgb, b"IEND", (b"IDAT", b"more")),
        "trns-of-4-bytes": inserted(rgb, b"IDAT", (b"tRNS", bytes(4))),
        "trns-after-idat": inserted(rgb, b"IEND", (b"tRNS", bytes(6))),
        "trns-after-idat-crc": inserted(rgb, b"IEND", chunk(b"tRNS", bytes(6), **bad)),
    }
    for name, data in good.items():
        write("accepted", f"rgb-8.{name}.png", data)
    write("accepted", "rgb-8-trns.text-crc.png",
          inserted(trns, b"tRNS", chunk(b"tEXt", b"Comment\0hello", **bad)))

    def adler(z):
        return z[:-1] + bytes((z[-1] ^ 1,))

    wrong = {
        ("rgb-8-trns", "trns-crc"): wrong_crc(trns, b"tRNS"),
        ("rgb-8-trns", "trns-name"): renamed(trns, b"tRNS", b"tRNs"),
        ("rgb-8-trns", "trns-name-invalid"): renamed(trns, b"tRNS", b"t\1NS"),
        ("palette-4", "plte-crc"): wrong_crc(palette, b"PLTE"),
        ("palette-4", "plte-missing"): png(p for p in chunks(palette) if p[0] != b"PLTE"),
        ("rgb-8", "plte-crc"): inserted(rgb, b"IDAT", chunk(b"PLTE", b"\1\2\3", **bad)),
        ("rgb-8", "ihdr-crc"): wrong_crc(rgb, b"IHDR"),
        ("rgb-8", "idat-crc"): wrong_crc(rgb, b"IDAT"),
        ("rgb-8", "idat-name"): renamed(rgb, b"IDAT", b"iDAT"),
        ("rgb-8", "idat-cut"): with_idat(rgb, lambda z: z[:-30]),
        ("rgb-8", "adler"): with_idat(rgb, adler),
        ("rgb-8", "adler-missing"): with_idat(rgb, lambda z: z[:-4]),
        ("rgb-8", "iend-missing"): rgb[:-12],
        ("rgb-8", "iend-without-crc"): rgb[:-4],
        ("rgb-8", "critical"): inserted(rgb, b"IDAT", (b"CgBI", bytes(4))),
        ("rgb-8", "critical-name"): inserted(rgb, b"IDAT", (b"I\1AT", bytes(4))),
        ("rgb-8", "text-too-long"): inserted(rgb, b"IDAT", b"\0\1\0\0tEXtComment\0hello"),
    }
    for (base, name), data in wrong.items():
        write("refused", f"{base}.{name}.png", data)


for folder in ("accepted", "refused"):
    (OUT / folder).mkdir(parents=True, exist_ok=True)
    for old in (OUT / folder).iterdir():
        old.unlink()
jpegs()
pngs()
