"""PyTorch as a contestant of tests/bench/compare, which runs it as `python3 -c` and talks to it on
its standard input, so that nothing but PyTorch has to be where it runs.

One line of JSON {"reference": bytes, "model": bytes} comes first, then as many bytes of
tests/golden/reference.py and of a .pth (none: random weights). It answers {"version": ...}, and then
to each line {"what": "infer"|"train", "netG", "threads", "batch", "runs", "dtype", "channels_last"} with
{"median_ms": ..., "min_ms": ...}."""

import io
import json
import statistics
import sys
import time

import torch
from torch import nn

WARM_UP, NGF, NDF, SIZE = 3, 64, 64, 256


def infer(job, reference, state):
    """test.py of the reference, dropout off: 8-bit pictures in, 8-bit pictures out. All in bf16
    where that is asked for: autocast would convert the weights in every run."""
    dtype = {'f32': torch.float32, 'bf16': torch.bfloat16}[job['dtype']]
    memory_format = torch.channels_last if job['channels_last'] else torch.contiguous_format
    net = reference.Unet(8, NGF).train()
    if state:
        net.load_state_dict(state, strict=False)  # perhaps without running statistics
    reference.set_dropout(net, False)
    net = net.to(dtype).to(memory_format=memory_format)
    pixels = torch.randint(0, 256, (job['batch'], SIZE, SIZE, 3), dtype=torch.uint8)

    def step():
        with torch.no_grad():
            x = (pixels.permute(0, 3, 1, 2).float() / 127.5 - 1).to(dtype)
            y = net(x.contiguous(memory_format=memory_format))
            return ((y.float() + 1) * 127.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    return step


def train(job, reference, _):
    """optimize_parameters() of the reference on random pairs."""
    memory_format = torch.channels_last if job['channels_last'] else torch.contiguous_format
    g = reference.Unet(8, NGF) if job['netG'] == 'unet_256' else reference.Resnet(9, NGF)
    g = g.to(memory_format=memory_format)
    d = reference.PatchGAN(6, NDF).to(memory_format=memory_format)
    adam_g = torch.optim.Adam(g.parameters(), lr=2e-4, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam(d.parameters(), lr=2e-4, betas=(0.5, 0.999))
    bce, l1 = nn.BCEWithLogitsLoss(), nn.L1Loss()
    a, b = ((torch.rand(job['batch'], 3, SIZE, SIZE) * 2 - 1)
            .contiguous(memory_format=memory_format) for _ in range(2))
    bf16 = job['dtype'] == 'bf16'

    def gan_loss(logits, real):
        return bce(logits, torch.ones_like(logits) if real else torch.zeros_like(logits))

    def step():
        with torch.autocast('cpu', torch.bfloat16, enabled=bf16):
            fake = g(a)
            d.requires_grad_(True)
            adam_d.zero_grad()
            loss_fake = gan_loss(d(torch.cat((a, fake), 1).detach()), False)
            loss_real = gan_loss(d(torch.cat((a, b), 1)), True)
        ((loss_fake + loss_real) * 0.5).backward()
        adam_d.step()
        d.requires_grad_(False)
        adam_g.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=bf16):
            loss = gan_loss(d(torch.cat((a, fake), 1)), True) + l1(fake, b) * 100
        loss.backward()
        adam_g.step()
        return float(loss)
    return step


def timed(step, runs):
    times = []
    for i in range(WARM_UP + runs):
        start = time.perf_counter()
        step()
        if i >= WARM_UP:
            times.append((time.perf_counter() - start) * 1e3)
    return {'median_ms': statistics.median(times), 'min_ms': min(times)}


def main():
    sizes = json.loads(sys.stdin.buffer.readline())
    reference = type(sys)('reference')
    exec(compile(sys.stdin.buffer.read(sizes['reference']), 'reference.py', 'exec'),
         vars(reference))
    model = sys.stdin.buffer.read(sizes['model'])
    state = torch.load(io.BytesIO(model), weights_only=True) if model else None
    print(json.dumps({'version': 'PyTorch ' + torch.__version__}), flush=True)
    steps = {}  # networks are made once
    for line in sys.stdin.buffer:
        job = json.loads(line)
        runs = job.pop('runs')
        key = json.dumps(job)
        torch.manual_seed(1)
        torch.set_num_threads(job['threads'])
        if key not in steps:
            steps[key] = {'infer': infer, 'train': train}[job['what']](job, reference, state)
        print(json.dumps(timed(steps[key], runs)), flush=True)


main()
