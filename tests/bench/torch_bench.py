#!/usr/bin/python3
"""Times PyTorch on the network that `pix2pix bench` and `bench_train` time; prints one JSON object.

    torch_bench.py infer|train [--threads 4] [--runs 20] [--channels-last] [--dtype f32|bf16]
"""

import argparse
import json
import os
import statistics
import sys
import time

import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'golden'))
from reference import PatchGAN, Unet, set_dropout  # noqa: E402


def infer(args, memory_format):
    """test.py of the reference, dropout off: 8-bit picture in, 8-bit picture out."""
    net = Unet(8, args.ngf).train().to(memory_format=memory_format)
    set_dropout(net, False)
    pixels = torch.randint(0, 256, (args.batch, 256, 256, 3), dtype=torch.uint8)

    def step():
        with torch.no_grad(), torch.autocast('cpu', torch.bfloat16, enabled=args.dtype == 'bf16'):
            x = (pixels.permute(0, 3, 1, 2).float() / 127.5 - 1).to(memory_format=memory_format)
            y = net(x.contiguous(memory_format=memory_format))
            return ((y.float() + 1) * 127.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    return step


def train(args, memory_format):
    """optimize_parameters() of the reference on random pairs."""
    g = Unet(8, args.ngf).to(memory_format=memory_format)
    d = PatchGAN(6, args.ndf).to(memory_format=memory_format)
    adam_g = torch.optim.Adam(g.parameters(), lr=2e-4, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam(d.parameters(), lr=2e-4, betas=(0.5, 0.999))
    bce, l1 = nn.BCEWithLogitsLoss(), nn.L1Loss()
    a, b = ((torch.rand(args.batch, 3, 256, 256) * 2 - 1).contiguous(memory_format=memory_format)
            for _ in range(2))

    def gan_loss(logits, real):
        return bce(logits, torch.ones_like(logits) if real else torch.zeros_like(logits))

    def step():
        with torch.autocast('cpu', torch.bfloat16, enabled=args.dtype == 'bf16'):
            fake = g(a)
            d.requires_grad_(True)
            adam_d.zero_grad()
            loss_fake = gan_loss(d(torch.cat((a, fake), 1).detach()), False)
            loss_real = gan_loss(d(torch.cat((a, b), 1)), True)
        ((loss_fake + loss_real) * 0.5).backward()
        adam_d.step()
        d.requires_grad_(False)
        adam_g.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=args.dtype == 'bf16'):
            loss = gan_loss(d(torch.cat((a, fake), 1)), True) + l1(fake, b) * 100
        loss.backward()
        adam_g.step()
        return float(loss)
    return step


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('what', choices=['infer', 'train'])
    parser.add_argument('--threads', type=int, default=4)
    parser.add_argument('--runs', type=int, default=20)
    parser.add_argument('--warm-up', type=int, default=3)
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument('--ngf', type=int, default=64)
    parser.add_argument('--ndf', type=int, default=64)
    parser.add_argument('--dtype', choices=['f32', 'bf16'], default='f32')
    parser.add_argument('--channels-last', action='store_true')
    args = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    memory_format = torch.channels_last if args.channels_last else torch.contiguous_format
    step = {'infer': infer, 'train': train}[args.what](args, memory_format)
    times = []
    for i in range(args.warm_up + args.runs):
        start = time.perf_counter()
        step()
        if i >= args.warm_up:
            times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({'median_ms': statistics.median(times), 'min_ms': min(times),
                      'max_ms': max(times), 'torch': torch.__version__, **vars(args)}))


if __name__ == '__main__':
    main()
