#!/usr/bin/python3
"""Makes NAME.safetensors (small generators) and NAME.golden.safetensors (what PyTorch answers).

Everything is computed in float64 and stored as float32, so the files hold the truth and not one
library's rounding. With --check it also runs PyTorch in float32 and prints how far that is from
the truth, and the least that zeroing a convolution moves the answer: the tolerance of a test should
be a small multiple of the one and far below the other. README.md describes the files."""

import copy
import os
import sys

import torch
from torch import nn

from reference import (keeping_std, make_generator, nhwc, pictures, randomize, save_safetensors,
                       set_dropout)

HERE = os.path.dirname(os.path.abspath(__file__))

# Architecture, ngf, input_nc, output_nc, norm, dropout, sizes (height, width), stride of the answer.
# The name is the architecture, and _norm where that is not batch.
CASES = [
    ('unet_32', 4, 3, 3, 'batch', False, [(32, 32), (64, 32)], 1),
    ('unet_32', 2, 3, 1, 'instance', False, [(32, 32), (32, 64)], 1),
    ('unet_32', 2, 2, 4, 'none', False, [(32, 32)], 1),
    ('unet_64', 2, 1, 3, 'batch', True, [(64, 64)], 1),
    ('unet_128', 2, 3, 3, 'batch', True, [(128, 128)], 3),
    ('unet_256', 2, 1, 3, 'batch', True, [(256, 256)], 5),
    ('unet_128', 1, 1, 3, 'instance', True, [(128, 128)], 3),
    ('unet_128', 1, 1, 3, 'none', True, [(128, 128)], 3),
    ('encoder_decoder_32', 2, 3, 2, 'instance', False, [(32, 32)], 1),
    ('encoder_decoder_32', 2, 3, 3, 'none', False, [(32, 64)], 1),
    ('encoder_decoder_64', 2, 1, 3, 'batch', True, [(64, 64), (128, 64)], 3),
    ('encoder_decoder_128', 1, 1, 3, 'batch', True, [(128, 128)], 5),
    ('resnet_6blocks', 2, 3, 3, 'batch', False, [(32, 32), (36, 28)], 1),
    ('resnet_6blocks', 2, 4, 2, 'instance', True, [(28, 36)], 1),
    ('resnet_6blocks', 2, 1, 1, 'none', False, [(32, 32)], 1),
    ('resnet_9blocks', 2, 3, 3, 'batch', True, [(132, 100)], 3),
    ('resnet_9blocks', 3, 3, 3, 'instance', False, [(132, 100)], 3),
    ('resnet_9blocks', 2, 1, 4, 'none', True, [(32, 32)], 1),
    ('unet_256', 1, 1, 3, 'instance', True, [(256, 256)], 7),
    ('unet_256', 1, 1, 3, 'none', True, [(256, 256)], 7),
]  # new ones at the end: the place in this list is the seed
INSIDE = [('unet_32', 32, 32), ('resnet_6blocks', 32, 32)]  # answers of every layer


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
    the norm, N counted as in model/network/network.h, which is how they run."""
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


def least_effect(net, pixels):
    """The least of what zeroing one convolution's weights moves the answer, at its largest."""
    want, least = answer(net, pixels, False), float('inf')
    for name, module in net.named_modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            broken = copy.deepcopy(net)
            broken.get_submodule(name).weight.data.zero_()
            least = min(least, (answer(broken, pixels, False) - want).abs().max().item())
    return least


def spread(architecture, ngf, norm):
    if architecture.startswith('unet') and (norm == 'batch' or architecture == 'unet_32'):
        return 0.15 if ngf > 2 else 0.2
    if architecture.startswith('unet') and norm == 'none':  # else the deep layers say nothing
        return lambda module: 1.4 * keeping_std(module)
    return keeping_std


def make(case, seed, check):
    architecture, ngf, input_nc, output_nc, norm, dropout, sizes, stride = case
    name = architecture + ('' if norm == 'batch' else '_' + norm)
    resnet = architecture.startswith('resnet')
    crop_size = 256 if resnet else int(architecture.rsplit('_', 1)[1])
    side = 32 if resnet else crop_size
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    net = make_generator(architecture, ngf, input_nc, output_nc, norm, dropout)
    randomize(net, random, spread(architecture, ngf, norm))
    net = net.train()
    with torch.no_grad():  # running statistics that are neither 0 and 1 nor those of the input
        for _ in range(20):
            net((pictures(2, side, side, input_nc, random) / 127.5 - 1).float())
    save_safetensors(os.path.join(HERE, name + '.safetensors'), net.state_dict(), {
        'architecture': architecture, 'ngf': ngf, 'input_nc': input_nc,
        'output_nc': output_nc, 'norm': norm, 'dropout': str(dropout).lower(),
        'direction': 'AtoB', 'crop_size': crop_size})

    truth, golden = copy.deepcopy(net).double(), {}
    for height, width in sizes:
        pixels = pictures(2 if side < 64 and height < 100 else 1, height, width, input_nc, random)
        at = '.%dx%d' % (height, width)
        golden['input' + at] = nhwc(pixels).half()
        modes = {'batch': False, 'running': True} if norm == 'batch' else {'batch': False}
        for mode, running in modes.items():
            out = answer(truth, pixels, running)
            golden[mode + at] = out[:, ::stride, ::stride]
            if check:
                off = (answer(net, pixels, running) - out).abs().max()
                print('%-28s%-10s%-8s std %.3f  f32 is off by %.1e' %
                      (name, at[1:], mode, out.std(), off))
        if (name, height, width) in INSIDE:
            golden.update(activations(truth, pixels))
    if check:
        print('%-28s zeroing a convolution moves it by %.3f or more' %
              (name, least_effect(truth, pixels)))
    save_safetensors(os.path.join(HERE, name + '.golden.safetensors'), golden,
                     {'stride': stride, 'torch': torch.__version__})


def main():
    for seed, case in enumerate(CASES):
        make(case, seed + 1, '--check' in sys.argv[1:])


if __name__ == '__main__':
    main()
