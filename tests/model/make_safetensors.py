#!/usr/bin/env python3
"""Writes the golden files of test_safetensors.c and test_checkpoint.c, by the rules of the
safetensors format (as the Python package `safetensors` writes them), with struct and json only:

    python3 tests/model/make_safetensors.py tests/model/data tests/fuzz/corpus/safetensors

small.safetensors    every type, an empty tensor, a scalar, names and metadata with escapes
foreign.safetensors  header not padded, so that no tensor is aligned; offsets in JSON unsorted
unet_32.safetensors  PyTorch's state_dict of unet_32, 3->2, ngf 2, batch norm; no metadata

The second folder, inputs for fuzzing, gets the first two and a tiny unet_32 with bf16 weights and
one with int8 weights in a layer.
"""
import json
import struct
import sys

SIZES = {"F32": 4, "BF16": 2, "F16": 2, "F64": 8, "I64": 8, "I8": 1}
RANKS = ["I64", "F64", "F32", "BF16", "F16", "I8"]


def pack(dtype, values):
    if dtype == "BF16":
        return b"".join(struct.pack("<f", v)[2:] for v in values)
    return struct.pack("<%d%s" % (len(values), {"F32": "f", "F16": "e", "F64": "d", "I64": "q", "I8": "b"}[dtype]),
                       *values)


def layout(tensors):
    """tensors: name -> (dtype, shape, values); returns header entries and data."""
    entries, data = {}, b""
    for name in sorted(tensors, key=lambda n: (RANKS.index(tensors[n][0]), n.encode())):
        dtype, shape, values = tensors[name]
        raw = pack(dtype, values)
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    return entries, data


def write(path, tensors, metadata=None):
    entries, data = layout(tensors)
    header = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    header.update(entries)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def write_foreign(path, tensors):
    entries, data = layout(tensors)
    text = json.dumps(dict(reversed(entries.items()))).encode()
    text += b" " * ((1 - len(text)) % 8)  # 8k + 1 bytes
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


SMALL = {
    "weight": ("F32", [2, 3], [0.0, 1.5, -2.25, 3.0, 1e-40, 65504.0]),
    "a.bf16": ("BF16", [2], [1.0, -0.5]),
    "a.f16": ("F16", [3], [1.0, -2.0, 6e-8]),
    "a.f64": ("F64", [1], [0.1]),
    "steps": ("I64", [], [12345678901]),
    "empty": ("F32", [0, 4], []),
    "a.i8": ("I8", [3], [127, -127, 1]),
    "odd \"name\" \u00e9\\": ("F32", [1], [7.0]),
}

METADATA = {"format": "pt", "note": "line one\nline \"two\"", "\u00fcber": "\\"}


def unet_32(ngf, dtype="F32"):
    """Values are a counter's, so that every element is known."""
    i, o = 3, 2
    ch = [ngf, 2 * ngf, 4 * ngf, 8 * ngf, 8 * ngf]
    shapes = {}

    def norm(name, n):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes["%s.%s" % (name, part)] = [n]
        shapes[name + ".num_batches_tracked"] = []

    def level(prefix, l):  # l = 0: outermost
        down, up = ("0", "3") if l == 0 else ("1", "3" if l == 4 else "5")
        shapes[prefix + down + ".weight"] = [ch[l], ch[l - 1] if l else i, 4, 4]
        if 0 < l < 4:
            norm(prefix + "2", ch[l])
        if l < 4:
            level(prefix + ("1" if l == 0 else "3") + ".model.", l + 1)
        shapes[prefix + up + ".weight"] = [ch[l] * (2 if l < 4 else 1), ch[l - 1] if l else o, 4, 4]
        if l == 0:
            shapes[prefix + "3.bias"] = [o]
        else:
            norm(prefix + ("4" if l == 4 else "6"), ch[l - 1])

    level("model.model.", 0)
    tensors, counter = {}, 0
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            tensors[name] = ("I64", shape, [7])
            continue
        n = 1
        for d in shape:
            n *= d
        tensors[name] = (dtype if n > 64 else "F32", shape, [((counter + k) % 1024) / 1024 for k in range(n)])
        counter += n
    return tensors


def quantise(tensors, conv, out, channels):
    """A layer becomes int8, with made-up scales."""
    shape = tensors[conv + ".weight"][1]
    n = len(tensors[conv + ".weight"][2])
    tensors[conv + ".weight"] = ("I8", shape, [k % 255 - 127 for k in range(n)])
    tensors[conv + ".weight_scale"] = ("F32", [out], [0.125] * out)
    tensors[conv + ".input_scale"] = ("F32", [channels], [0.5] * channels)
    return tensors


if __name__ == "__main__":
    data, corpus = sys.argv[1:]
    for out in (data, corpus):
        write(out + "/small.safetensors", SMALL, METADATA)
        write_foreign(out + "/foreign.safetensors",
                      {k: SMALL[k] for k in ("weight", "a.f16", "a.f64", "steps")})
    write(data + "/unet_32.safetensors", unet_32(2))
    write(corpus + "/unet_32_bf16.safetensors", unet_32(1, "BF16"), {"norm": "batch", "crop_size": "32"})
    write(corpus + "/unet_32_int8.safetensors", quantise(unet_32(1, "BF16"), "model.model.1.model.1", 2, 1))
