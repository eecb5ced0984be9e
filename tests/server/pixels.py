"""Pictures of 8 bits without an encoder of ours: PNG to pixels and back."""

import struct
import zlib


def pattern(side):
    """A square RGB picture."""
    return bytes((x * 8 ^ y * 5 + 60 * c) & 255 for y in range(side) for x in range(side) for c in range(3))


def planes(pixels):
    """RGB pixels as three planes."""
    return b''.join(pixels[c::3] for c in range(3))


def png(pixels, width, height, channels):
    """A PNG of grey or RGB pixels."""
    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
    row = width * channels
    lines = b''.join(b'\0' + pixels[y * row:(y + 1) * row] for y in range(height))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0))
            + chunk(b'IDAT', zlib.compress(lines)) + chunk(b'IEND', b''))


def unpng(data):
    """The pixels of a PNG as the daemon writes them: 8 bits, grey or RGB."""
    width, height, kind = struct.unpack('>II', data[16:24]) + (data[25],)
    channels, at, packed = {0: 1, 2: 3}[kind], 8, b''
    while at < len(data):
        size, name = struct.unpack('>I', data[at:at + 4])[0], data[at + 4:at + 8]
        packed += data[at + 8:at + 8 + size] if name == b'IDAT' else b''
        at += size + 12
    lines, row, out = zlib.decompress(packed), width * channels, bytearray()
    before = bytearray(row)
    for y in range(height):
        filter_, line = lines[y * (row + 1)], bytearray(lines[y * (row + 1) + 1:(y + 1) * (row + 1)])
        for i in range(row):
            left = line[i - channels] if i >= channels else 0
            corner = before[i - channels] if i >= channels else 0
            p = left + before[i] - corner
            paeth = min((left, before[i], corner), key=lambda v: abs(p - v))
            line[i] = (line[i] + (0, left, before[i], (left + before[i]) // 2, paeth)[filter_]) & 255
        out += line
        before = line
    return bytes(out), width, height, channels
