#!/usr/bin/python3
"""Runs exported models in ONNX Runtime and compares their answers with PyTorch's and our engine's.

    check_onnx.py GOLDEN_FOLDER FOLDER

For every FOLDER/NAME.MODE.onnx (MODE batch or running): onnx's checker and shape inference, then
ONNX Runtime on every input of GOLDEN_FOLDER/NAME.golden.safetensors, all pictures of a size as one
batch and one by one. FOLDER/NAME.MODE.HxW.f32, where it is there, is what our engine answers
(BUILD/tests/model/engine_answer writes it). README.md tells how to make the folder. Needs Debian 13's
python3-onnx and python3-onnxruntime (which share a library and complain of it on standard error).
Fails where anything is off by more than 1e-4 in [-1, 1]."""

import glob
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime

LIMIT = 1e-4


def load_safetensors(path):
    types = {'F32': np.float32, 'F16': np.float16, 'I64': np.int64}
    data = open(path, 'rb').read()
    size = int.from_bytes(data[:8], 'little')
    header = json.loads(data[8:8 + size])
    metadata = header.pop('__metadata__', {})
    body = data[8 + size:]
    return metadata, {
        name: np.frombuffer(body[slice(*t['data_offsets'])], types[t['dtype']]).reshape(t['shape'])
        for name, t in header.items()}


def nhwc(a):
    return np.transpose(a, (0, 2, 3, 1))


def check(path, golden_folder):
    """Prints one line a size; returns the largest difference."""
    name, mode = os.path.basename(path)[:-len('.onnx')].rsplit('.', 1)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    metadata, golden = load_safetensors(os.path.join(golden_folder, name + '.golden.safetensors'))
    stride, worst = int(metadata['stride']), 0
    for key in sorted(k for k in golden if k.startswith('input.')):
        size = key.split('.')[1]
        want = golden.get('%s.%s' % (mode, size), golden['batch.' + size])
        pixels = golden[key].astype(np.float32) / np.float32(127.5) - np.float32(1)
        pixels = np.ascontiguousarray(np.transpose(pixels, (0, 3, 1, 2)))
        out = session.run(['output'], {'input': pixels})[0]
        single = np.concatenate([session.run(None, {'input': p[None]})[0] for p in pixels])
        torch_off = np.abs(nhwc(out)[:, ::stride, ::stride] - want).max()
        batch_off = np.abs(out - single).max()
        line = '%-18s %-8s %-8s torch %.1e  batch %.1e' % (name, mode, size, torch_off, batch_off)
        worst = max(worst, torch_off, batch_off)
        engine = os.path.join(os.path.dirname(path), '%s.%s.%s.f32' % (name, mode, size))
        if os.path.exists(engine):
            ours = np.fromfile(engine, np.float32).reshape(nhwc(out).shape)
            engine_off = np.abs(nhwc(out) - ours).max()
            worst = max(worst, engine_off)
            line += '  engine %.1e' % engine_off
        print(line)
    return worst


def main():
    golden_folder, folder = sys.argv[1:]
    paths = sorted(glob.glob(os.path.join(folder, '*.onnx')))
    print('onnx %s, ONNX Runtime %s, %d models' %
          (onnx.__version__, onnxruntime.__version__, len(paths)))
    worst = max(check(path, golden_folder) for path in paths)
    print('at most %.1e' % worst)
    return 0 if worst <= LIMIT else 1


if __name__ == '__main__':
    sys.exit(main())
