#!/usr/bin/python3
"""Makes training.safetensors (initial weights) and training_bN.golden.safetensors: what the pix2pix
step of pytorch-CycleGAN-and-pix2pix (models/pix2pix_model.py) does to them, batch size N.

Computed in float64, stored as float32; --check also runs float32 and prints how far it is from
that. README.md describes the files."""

import copy
import os
import sys

import torch
from torch import nn

from reference import PatchGAN, Unet, nhwc, pictures, randomize, save_safetensors

HERE = os.path.dirname(os.path.abspath(__file__))
SIZE, STEPS, LR, BETA1 = 32, 6, 2e-4, 0.5


class Trainer:
    """Pix2PixModel, without its files, and with the paper's ablations: a lambda_gan, 0 for no GAN
    loss, and a D that sees B alone."""

    def __init__(self, net_g, net_d, mode='vanilla', lambda_gan=1.0, lambda_l1=100.0,
                 conditional=True):
        self.g, self.d = net_g.train(), net_d.train()
        self.mode, self.conditional = mode, conditional
        self.lambda_gan, self.lambda_l1 = lambda_gan, lambda_l1
        self.adam_g = torch.optim.Adam(self.g.parameters(), lr=LR, betas=(BETA1, 0.999))
        self.adam_d = torch.optim.Adam(self.d.parameters(), lr=LR, betas=(BETA1, 0.999))
        self.grads = {}

    def gan_loss(self, logits, real):
        target = torch.ones_like(logits) if real else torch.zeros_like(logits)
        if self.mode == 'lsgan':
            return nn.functional.mse_loss(logits, target)
        if self.mode == 'wgangp':
            return -logits.mean() if real else logits.mean()
        return nn.functional.binary_cross_entropy_with_logits(logits, target)

    def seen(self, a, b):
        return torch.cat((a, b), 1) if self.conditional else b

    def keep_gradients(self, prefix, net):
        for name, p in net.named_parameters():
            self.grads['grad.' + prefix + name] = p.grad.clone()

    def step(self, real_a, real_b):
        """optimize_parameters(); returns G_GAN, G_L1, D_real, D_fake as the reference logs them."""
        fake_b = self.g(real_a)

        self.d.requires_grad_(True)
        self.adam_d.zero_grad()
        d_fake = self.gan_loss(self.d(self.seen(real_a, fake_b).detach()), False)
        d_real = self.gan_loss(self.d(self.seen(real_a, real_b)), True)
        ((d_fake + d_real) * 0.5).backward()
        self.keep_gradients('D.', self.d)
        self.adam_d.step()

        self.d.requires_grad_(False)
        self.adam_g.zero_grad()
        g_gan = self.gan_loss(self.d(self.seen(real_a, fake_b)), True) * self.lambda_gan
        g_l1 = nn.functional.l1_loss(fake_b, real_b) * self.lambda_l1
        (g_gan + g_l1).backward()
        self.keep_gradients('G.', self.g)
        self.adam_g.step()
        return [float(v.detach()) for v in (g_gan, g_l1, d_real, d_fake)]

    def state(self, prefix):
        both = {'G.': self.g, 'D.': self.d}
        return {prefix + k + name: t.clone() for k, net in both.items()
                for name, t in net.state_dict().items()}


def run(net_g, net_d, a, b):
    """a, b: (steps, batch, c, h, w)."""
    dtype = next(net_g.parameters()).dtype
    trainer = Trainer(copy.deepcopy(net_g), copy.deepcopy(net_d))
    losses, found = [], {}
    for i in range(STEPS):
        losses.append(trainer.step(a[i].to(dtype), b[i].to(dtype)))
        if i == 0:
            found.update(trainer.grads)
            found.update(trainer.state('first.'))
    found.update(trainer.state('last.'))
    found['losses'] = torch.tensor(losses, dtype=torch.float64)
    return found


def report(batch, truth, single):
    for what in ('losses', 'grad.G.', 'grad.D.', 'first.', 'last.'):
        names = [n for n in truth if n.startswith(what) and truth[n].is_floating_point()]
        pairs = [((single[n].double() - truth[n]).abs().max(), truth[n].abs().max()) for n in names]
        print('batch %d %-8s f32 is off by %.1e at most; relative to the largest of its tensor %.1e' %
              (batch, what, max(p[0] for p in pairs), max(p[0] / p[1] for p in pairs)))


def main():
    generator = torch.Generator().manual_seed(7)
    net_g, net_d = Unet(5, 4, dropout=False), PatchGAN(6, 4)
    randomize(net_g, generator)
    randomize(net_d, generator)
    initial = Trainer(net_g, net_d).state('')
    save_safetensors(os.path.join(HERE, 'training.safetensors'), initial,
                     {'architecture': 'unet_32', 'ngf': 4, 'ndf': 4, 'norm': 'batch'})
    net_g, net_d = net_g.double(), net_d.double()
    for batch in (1, 2):
        n = STEPS * batch
        a, b = ((pictures(n, SIZE, SIZE, 3, generator) / 127.5 - 1).half() for _ in range(2))
        a, b = (t.double().reshape(STEPS, batch, 3, SIZE, SIZE) for t in (a, b))
        found = run(net_g, net_d, a, b)
        if '--check' in sys.argv[1:]:
            single = run(copy.deepcopy(net_g).float(), copy.deepcopy(net_d).float(), a, b)
            report(batch, found, single)
            print(found['losses'])
        for name, t in (('a', a), ('b', b)):
            flat = nhwc(t.reshape(n, 3, SIZE, SIZE)).reshape(STEPS, batch, SIZE, SIZE, 3)
            found[name] = flat.half()
        save_safetensors(os.path.join(HERE, 'training_b%d.golden.safetensors' % batch), found,
                         {'lr': LR, 'beta1': BETA1, 'beta2': 0.999, 'epsilon': 1e-8,
                          'lambda_L1': 100.0, 'torch': torch.__version__})


if __name__ == '__main__':
    main()
