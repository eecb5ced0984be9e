#!/usr/bin/python3
"""Makes unet_*.safetensors (small generators) and unet_*.golden.safetensors (what PyTorch answers).

Everything is computed in float64 and stored as float32, so the files hold the truth and not one
library's rounding. With --check it also runs PyTorch in float32 and prints how far that is from
the truth: the tolerance of a test should be a small multiple of it. README.md describes the files."""

import copy
import os
import sys

import torch
from torch import nn

from reference import Unet, nhwc, pictures, randomize, save_safetensors, set_dropout

HERE = os.path.dirname(os.path.abspath(__file__))

# name, depth, ngf, input_nc, output_nc, norm, dropout, sizes (height, width), stride of the answer
CASES = [
    ('unet_32', 5, 4, 3, 3, 'batch', False, [(32, 32), (64, 32)], 1),
    ('unet_32_instance', 5, 2, 3, 1, 'instance', False, [(32, 32), (32, 64)], 1),
    ('unet_32_none', 5, 2, 2, 4, 'none', False, [(32, 32)], 1),
    ('unet_64', 6, 2, 1, 3, 'batch', True, [(64, 64)], 1),
    ('unet_128', 7, 2, 3, 3, 'batch', True, [(128, 128)], 3),
    ('unet_256', 8, 2, 1, 3, 'batch', True, [(256, 256)], 5),
]


def answer(net, pixels, running):
    """nhwc float64; with running=False every picture is normalised by itself (a batch of one)."""
    net = copy.deepcopy(net)
    net.train(not running)
    set_dropout(net, False)
    dtype = next(net.parameters()).dtype
    with torch.no_grad():
        out = [net((p / 127.5 - 1).to(dtype)[None]) for p in pixels]
    return nhwc(torch.cat(out)).double()


def activations(net, pixels):
    """Of the first picture, nhwc: layerN.conv as the convolution gives it and layerN.norm after
    the norm, N counted as in model/network.h: downwards, then upwards."""
    net = copy.deepcopy(net).train()
    set_dropout(net, False)
    seen, count = {}, [0]

    def conv(_module, _args, out):
        seen['layer%d.conv' % count[0]] = nhwc(out.clone())
        count[0] += 1

    def norm(_module, _args, out):
        seen['layer%d.norm' % (count[0] - 1)] = nhwc(out.clone())

    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            module.register_forward_hook(conv)
        elif isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(norm)
    with torch.no_grad():
        net((pixels[:1] / 127.5 - 1))
    return seen


def make(case, seed, check):
    name, depth, ngf, input_nc, output_nc, norm, dropout, sizes, stride = case
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    net = Unet(depth, ngf, input_nc, output_nc, norm, dropout)
    randomize(net, generator, std=0.15 if ngf > 2 else 0.2)
    net = net.train()
    with torch.no_grad():  # running statistics that are neither 0 and 1 nor those of the input
        for _ in range(20):
            net((pictures(2, 1 << depth, 1 << depth, input_nc, generator) / 127.5 - 1).float())
    save_safetensors(os.path.join(HERE, name + '.safetensors'), net.state_dict(), {
        'architecture': 'unet_%d' % (1 << depth), 'ngf': ngf, 'input_nc': input_nc,
        'output_nc': output_nc, 'norm': norm, 'dropout': str(dropout).lower(),
        'direction': 'AtoB', 'crop_size': 1 << depth})

    truth, golden = copy.deepcopy(net).double(), {}
    for height, width in sizes:
        pixels = pictures(2 if depth < 6 else 1, height, width, input_nc, generator)
        at = '.%dx%d' % (height, width)
        golden['input' + at] = nhwc(pixels).half()
        modes = {'batch': False, 'running': True} if norm == 'batch' else {'batch': False}
        for mode, running in modes.items():
            out = answer(truth, pixels, running)
            golden[mode + at] = out[:, ::stride, ::stride]
            if check:
                off = (answer(net, pixels, running) - out).abs().max()
                print('%-18s%-10s%-8s std %.3f  f32 is off by %.1e' %
                      (name, at[1:], mode, out.std(), off))
        if name == 'unet_32' and height == width:
            golden.update(activations(truth, pixels))
    save_safetensors(os.path.join(HERE, name + '.golden.safetensors'), golden,
                     {'stride': stride, 'torch': torch.__version__})


def main():
    for seed, case in enumerate(CASES):
        make(case, seed + 1, '--check' in sys.argv[1:])


if __name__ == '__main__':
    main()
