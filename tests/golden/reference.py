"""The networks of pytorch-CycleGAN-and-pix2pix (models/networks.py) and a safetensors writer.

The modules are nested exactly as there, so that state_dict() gives the names that its checkpoints
have. Needs PyTorch 1.13 or later (Debian: python3-torch); used only to make the golden files and
by tests/bench."""

import json
import struct

import numpy as np
import torch
from torch import nn


def norm_layer(norm, channels):
    if norm == 'batch':
        return nn.BatchNorm2d(channels)
    if norm == 'instance':
        return nn.InstanceNorm2d(channels, affine=False, track_running_stats=False)
    return nn.Identity()


class UnetBlock(nn.Module):
    """UnetSkipConnectionBlock: x -> [x, up(submodule(down(x)))]."""

    def __init__(self, outer_nc, inner_nc, norm, input_nc=None, submodule=None, outermost=False,
                 dropout=False, skip=True):
        super().__init__()
        self.skip = skip and not outermost
        bias = norm == 'instance'
        down_conv = nn.Conv2d(input_nc or outer_nc, inner_nc, 4, stride=2, padding=1, bias=bias)
        up_in = inner_nc * 2 if submodule and skip else inner_nc
        up_conv = nn.ConvTranspose2d(up_in, outer_nc, 4, stride=2, padding=1,
                                     bias=bias or outermost)
        up = [nn.ReLU(True), up_conv]
        if outermost:
            layers = [down_conv, submodule] + up + [nn.Tanh()]
        elif submodule is None:
            layers = [nn.LeakyReLU(0.2, True), down_conv] + up + [norm_layer(norm, outer_nc)]
        else:
            layers = [nn.LeakyReLU(0.2, True), down_conv, norm_layer(norm, inner_nc), submodule]
            layers += up + [norm_layer(norm, outer_nc)] + [nn.Dropout(0.5)] * dropout
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return torch.cat([x, self.model(x)], 1) if self.skip else self.model(x)


class Unet(nn.Module):
    """UnetGenerator with `depth` halvings: unet_256 has 8, unet_128 has 7. Without skips it is
    Torch7's encoder_decoder."""

    def __init__(self, depth, ngf, input_nc=3, output_nc=3, norm='batch', dropout=True,
                 skip=True):
        super().__init__()
        block = UnetBlock(ngf * 8, ngf * 8, norm, skip=skip)
        for _ in range(depth - 5):
            block = UnetBlock(ngf * 8, ngf * 8, norm, submodule=block, dropout=dropout,
                              skip=skip)
        for k in (4, 2, 1):
            block = UnetBlock(ngf * k, ngf * k * 2, norm, submodule=block, skip=skip)
        self.model = UnetBlock(output_nc, ngf, norm, input_nc, block, outermost=True,
                               skip=skip)

    def forward(self, x):
        return self.model(x)


class ResnetBlock(nn.Module):
    """x + block(x)."""

    def __init__(self, channels, norm, dropout):
        super().__init__()
        bias = norm == 'instance'
        layers = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias),
                  norm_layer(norm, channels), nn.ReLU(True)]
        layers += [nn.Dropout(0.5)] * dropout
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias),
                   norm_layer(norm, channels)]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.conv_block(x)


class Resnet(nn.Module):
    """ResnetGenerator: two halvings, the blocks, two doublings."""

    def __init__(self, blocks, ngf, input_nc=3, output_nc=3, norm='batch', dropout=True):
        super().__init__()
        bias = norm == 'instance'
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(input_nc, ngf, 7, bias=bias),
                  norm_layer(norm, ngf), nn.ReLU(True)]
        for k in (1, 2):
            layers += [nn.Conv2d(ngf * k, ngf * k * 2, 3, stride=2, padding=1, bias=bias),
                       norm_layer(norm, ngf * k * 2), nn.ReLU(True)]
        layers += [ResnetBlock(ngf * 4, norm, dropout) for _ in range(blocks)]
        for k in (4, 2):
            layers += [nn.ConvTranspose2d(ngf * k, ngf * k // 2, 3, stride=2, padding=1,
                                          output_padding=1, bias=bias),
                       norm_layer(norm, ngf * k // 2), nn.ReLU(True)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, output_nc, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x)


def make_generator(architecture, ngf, input_nc=3, output_nc=3, norm='batch', dropout=True):
    """By the name that checkpoints give: unet_256, encoder_decoder_256, resnet_9blocks, ..."""
    kind, size = architecture.rsplit('_', 1)
    if kind == 'resnet':
        return Resnet(int(size[:-len('blocks')]), ngf, input_nc, output_nc, norm, dropout)
    depth = int(size).bit_length() - 1
    return Unet(depth, ngf, input_nc, output_nc, norm, dropout, skip=kind == 'unet')


class PatchGAN(nn.Module):
    """NLayerDiscriminator; with three layers its logits are of patches of 70x70 pixels of (A, B)."""

    def __init__(self, input_nc, ndf=64, n_layers=3, norm='batch'):
        super().__init__()
        layers = [nn.Conv2d(input_nc, ndf, 4, 2, 1), nn.LeakyReLU(0.2, True)]
        for n in range(1, n_layers + 1):
            before, after = ndf * min(2 ** (n - 1), 8), ndf * min(2 ** n, 8)
            layers += [nn.Conv2d(before, after, 4, 1 if n == n_layers else 2, 1,
                                 bias=norm == 'instance'),
                       norm_layer(norm, after), nn.LeakyReLU(0.2, True)]
        layers += [nn.Conv2d(ndf * min(2 ** n_layers, 8), 1, 4, 1, 1)]
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x)


class PixelGAN(nn.Module):
    """PixelDiscriminator: looks at each pixel alone."""

    def __init__(self, input_nc, ndf=64, norm='batch'):
        super().__init__()
        bias = norm == 'instance'
        self.net = nn.Sequential(
            nn.Conv2d(input_nc, ndf, 1), nn.LeakyReLU(0.2, True),
            nn.Conv2d(ndf, ndf * 2, 1, bias=bias), norm_layer(norm, ndf * 2),
            nn.LeakyReLU(0.2, True), nn.Conv2d(ndf * 2, 1, 1, bias=bias))

    def forward(self, x):
        return self.net(x)


def keeping_std(module):
    """The spread of weights that keeps a signal's size through this convolution and a ReLU."""
    taps = module.kernel_size[0] ** 2
    if isinstance(module, nn.ConvTranspose2d):
        taps /= module.stride[0] ** 2
    return (1.5 / (taps * module.in_channels)) ** 0.5


def randomize(net, generator, std=0.1):
    """Fixed weights under which every layer matters: larger than the usual N(0, .02), so that a
    small network's output uses its whole range, and no gamma is 1 and no beta 0. `std` is a number
    or a function of the convolution."""
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                spread = std(module) if callable(std) else std
                module.weight.normal_(0, spread, generator=generator)
                if module.bias is not None:
                    module.bias.normal_(0, spread, generator=generator)
            elif isinstance(module, nn.BatchNorm2d):
                module.weight.normal_(1, 0.2, generator=generator)
                module.bias.normal_(0, 0.2, generator=generator)


def set_dropout(net, on):
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.train(on)


def pictures(n, height, width, channels, generator):
    """8-bit pictures with large shapes and fine noise, as integers in a float64 (n, c, h, w)."""
    coarse = torch.rand(n, channels, height // 8, width // 8, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(height, width), mode='bilinear',
                                       align_corners=False)
    noise = torch.rand(n, channels, height, width, generator=generator) - 0.5
    return ((smooth + 0.2 * noise).clamp(0, 1) * 255).round().double()


def nhwc(t):
    return t.permute(0, 2, 3, 1)


def save_safetensors(path, tensors, metadata=None):
    """tensors: name -> torch tensor or numpy array of f32, f16 or i64; f64 is stored as f32."""
    types = {'float32': 'F32', 'float16': 'F16', 'int64': 'I64'}
    arrays = {}
    for name, t in tensors.items():
        a = t.detach().numpy() if isinstance(t, torch.Tensor) else np.asarray(t)
        shape = a.shape  # ascontiguousarray() makes a scalar one-dimensional
        a = a.astype('float32') if a.dtype == np.float64 else a
        arrays[name] = np.ascontiguousarray(a).reshape(shape)
    header, offset, body = {}, 0, []
    if metadata:
        header['__metadata__'] = {k: str(v) for k, v in sorted(metadata.items())}
    for name in sorted(arrays, key=lambda n: (-arrays[n].itemsize, n)):
        a = arrays[name]
        header[name] = {'dtype': types[a.dtype.name], 'shape': list(a.shape),
                        'data_offsets': [offset, offset + a.nbytes]}
        offset += a.nbytes
        body.append(a.tobytes())
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + b''.join(body))
