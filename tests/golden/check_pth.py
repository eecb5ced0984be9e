#!/usr/bin/env python3
"""Compares the .pth files that `pix2pix convert` writes with what real PyTorch makes of them:

    /usr/bin/python3 tests/golden/check_pth.py build/pix2pix

Every checkpoint of tests/golden goes to .pth and into torch.load(weights_only=True), then into the
network as the reference's BaseModel.load_networks does it (strictly); and every .pth that PyTorch
wrote goes to safetensors and back, after which its tensors are equal, bit by bit."""

import glob
import os
import subprocess
import sys
import tempfile
import zipfile

import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reference import Unet  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def convert(program, source, target, *options):
    subprocess.run([program, 'convert', source, target, *options], check=True)


def network(state):
    """A U-Net of the shape that a state_dict is for."""
    first, last = state['model.model.0.weight'], state['model.model.3.weight']
    depth = 2
    while 'model.model.1.model.' + '3.model.' * (depth - 1) + '1.weight' in state:
        depth += 1
    norm = 'batch' if 'model.model.1.model.2.weight' in state else \
        'instance' if 'model.model.1.model.1.bias' in state else 'none'
    return Unet(depth, first.shape[0], first.shape[1], last.shape[1], norm)


def load_networks(net, path):
    """BaseModel.load_networks(), without what it does for InstanceNorm of before 0.4."""
    state = torch.load(path, map_location='cpu', weights_only=True)
    if hasattr(state, '_metadata'):
        del state._metadata
    net.load_state_dict(state)
    return state


def check(program, source, folder):
    path = os.path.join(folder, 'out.pth')
    convert(program, source, path)
    assert zipfile.ZipFile(path).testzip() is None
    state = torch.load(path, map_location='cpu', weights_only=True)
    net = network(state)
    state = load_networks(net, path)
    assert list(state) == list(net.state_dict()), 'order'
    for name, t in net.state_dict().items():
        assert torch.equal(t, state[name].to(t.dtype)), name
    return state


def check_round_trip(program, source, folder):
    middle, path = os.path.join(folder, 'middle.safetensors'), os.path.join(folder, 'back.pth')
    convert(program, source, middle)
    convert(program, middle, path)
    state = torch.load(path, weights_only=True)
    original = torch.load(source, map_location='cpu')
    for name, t in original.items():
        t = t.detach()
        name = name[len('module.'):] if name.startswith('module.') else name
        assert state[name].dtype == t.dtype and torch.equal(state[name], t), name
    assert len(state) == len(original)


def main():
    program = os.path.abspath(sys.argv[1])
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted(glob.glob(HERE + '/unet_*[0-9e].safetensors')):
            if not source.endswith('.golden.safetensors'):
                check(program, source, folder)
                done += 1
        for name in ('zip_1.13', 'legacy', 'module_prefix', 'f16', 'bf16', 'f64', 'strides', 'none',
                     'python2'):
            source = '%s/pth/%s.pth' % (HERE, name)
            if name != 'python2':  # lacks num_batches_tracked: no strict order
                check(program, source, folder)
            check_round_trip(program, source, folder)
            done += 1
    print('torch %s takes all %d' % (torch.__version__, done))


main()
