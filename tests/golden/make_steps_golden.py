#!/usr/bin/python3
"""Makes training_steps.golden.safetensors: ten steps of the pix2pix step with each of the networks,
norms and losses that it can be trained with. Weights and pictures are drawn by a formula that the
test knows too, so the file holds only losses and a few of the weights that come out.

Computed in float64, stored as float32; --check also runs float32 and prints how far it is from
that. README.md describes the file."""

import copy
import os
import sys

import numpy as np
import torch

from make_training_golden import LR, SIZE, Trainer
from reference import PatchGAN, PixelGAN, Resnet, Unet, save_safetensors

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS, SEED, KEPT = 10, 11, 24

def unet(**options):
    return Unet(5, 2, dropout=False, **options)


# name: batch, generator, discriminator, options of the Trainer
CASES = {
    'unet.lsgan': (1, unet(), PatchGAN(6, 2), {'mode': 'lsgan'}),
    'unet.wgangp': (1, unet(), PatchGAN(6, 2), {'mode': 'wgangp'}),
    'unet.l1': (2, unet(), PatchGAN(6, 2), {'lambda_gan': 0.0}),
    'unet.cgan': (2, unet(), PatchGAN(6, 2), {'lambda_l1': 0.0}),
    'unet.unconditional': (1, unet(input_nc=1), PatchGAN(3, 2),
                           {'conditional': False, 'lambda_gan': 3.0}),
    'unet.instance': (1, unet(norm='instance'), PatchGAN(6, 2, norm='instance'), {}),
    'unet.instance2': (2, unet(norm='instance'), PatchGAN(6, 2, norm='instance'),
                       {'mode': 'lsgan'}),
    'unet.none': (2, unet(norm='none'), PatchGAN(6, 2, norm='none'), {}),
    'netD.1': (1, unet(), PatchGAN(6, 2, 1), {}),
    'netD.2': (2, unet(), PatchGAN(6, 2, 2), {'mode': 'lsgan'}),
    'netD.4': (1, unet(), PatchGAN(6, 2, 4), {}),
    'netD.pixel': (1, unet(), PixelGAN(6, 2), {}),
    'netD.pixel_instance': (2, unet(norm='instance'), PixelGAN(6, 2, norm='instance'), {}),
    'resnet': (1, Resnet(2, 2, dropout=False), PatchGAN(6, 2), {}),
    'resnet.batch2': (2, Resnet(2, 2, 3, 3, dropout=False), PatchGAN(6, 2), {'mode': 'lsgan'}),
    'resnet.instance': (2, Resnet(1, 2, norm='instance', dropout=False),
                        PatchGAN(6, 2, norm='instance'), {}),
    'resnet.none': (1, Resnet(1, 2, norm='none', dropout=False), PatchGAN(6, 2, norm='none'), {}),
    'encoder_decoder': (1, unet(skip=False), PatchGAN(6, 2), {}),
    'encoder_decoder.batch2': (2, unet(skip=False), PatchGAN(6, 2), {}),
}
SIDES = {'netD.4': 64}  # all others: SIZE


def mix(z):
    """px_mix64() of base/random.h."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
    return z ^ (z >> np.uint64(31))


def draw(name, shape):
    """px_hash(SEED, FNV-1a of the name, index) as float32 in [-1, 1)."""
    stream = 0xcbf29ce484222325
    for byte in name.encode():
        stream = (stream ^ byte) * 0x100000001b3 % 2 ** 64
    golden = np.uint64(0x9e3779b97f4a7c15)
    with np.errstate(over='ignore'):
        key = mix(np.uint64(SEED) + golden)
        key = key ^ mix(np.uint64(stream) * np.uint64(0xd1342543de82ef95) + np.uint64(1))
        index = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64)
        bits = mix(key + index * golden)
    unit = (bits >> np.uint64(40)).astype(np.float32) * np.float32(2.0 ** -23) - np.float32(1)
    return torch.from_numpy(unit.reshape(shape))


def initialise(prefix, net):
    """Convolutions +-.17, biases and betas +-.2, gammas 1 +- .2."""
    with torch.no_grad():
        for name, p in net.named_parameters():
            u = draw(prefix + name, tuple(p.shape))
            if p.dim() == 4:
                p.copy_(u * np.float32(0.17))
            elif name.endswith('weight'):
                p.copy_(u * np.float32(0.2) + np.float32(1))
            else:
                p.copy_(u * np.float32(0.2))


def is_idle(case, name):
    """A bias whose gradient is 0, as an instance norm follows: in float32 rounding moves it."""
    return 'instance' in case and name.endswith('bias') and name not in (
        'G.model.model.0.bias', 'G.model.model.3.bias', 'G.model.18.bias', 'D.model.0.bias', 'D.model.11.bias',
        'D.net.0.bias', 'D.net.5.bias')


def run(case, dtype):
    batch, net_g, net_d, options = CASES[case]
    net_g, net_d = copy.deepcopy(net_g), copy.deepcopy(net_d)
    initialise('G.', net_g)
    initialise('D.', net_d)
    trainer = Trainer(net_g.to(dtype), net_d.to(dtype), **options)
    channels = next(net_g.parameters()).shape[1]
    side = SIDES.get(case, SIZE)
    a = draw('a', (STEPS, batch, side, side, channels)).permute(0, 1, 4, 2, 3).to(dtype)
    b = draw('b', (STEPS, batch, side, side, 3)).permute(0, 1, 4, 2, 3).to(dtype)
    losses = [trainer.step(a[i], b[i]) for i in range(STEPS)]
    found = {'losses': torch.tensor(losses, dtype=torch.float64)}
    for name, t in trainer.state('').items():
        if t.is_floating_point():
            flat = t.reshape(-1)
            found[name] = flat[::max(1, flat.numel() // KEPT)]
    return found


def main():
    kept = {}
    for case, (_, net_g, _, options) in CASES.items():
        found = run(case, torch.float64)
        if options.get('lambda_gan') == 0:
            found = {n: t for n, t in found.items() if not n.startswith('D.')}
            found['losses'][:, [0, 2, 3]] = 0  # there is no D then
        if '--check' in sys.argv[1:]:
            single = run(case, torch.float32)
            off = {n: (single[n].double() - t).abs().max() for n, t in found.items()
                   if n != 'losses' and not is_idle(case, n)}
            worst = max(off, key=off.get)
            loss = (single['losses'].double() / found['losses'] - 1)[found['losses'] != 0]
            print('%-24s losses %.1e, weights %.1e (%s)' % (case, loss.abs().max(), off[worst], worst))
            print(found['losses'][[0, -1]])
        kept.update({case + '.' + name: t.clone() for name, t in found.items()})
    save_safetensors(os.path.join(HERE, 'training_steps.golden.safetensors'), kept,
                     {'lr': LR, 'torch': torch.__version__})


if __name__ == '__main__':
    main()
