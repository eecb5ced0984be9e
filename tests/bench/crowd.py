"""What the benchmarks of the daemon share: a network and pictures to serve, clients that post
them (load.c), and how results are printed."""

import os
import re
import shutil
import statistics
import subprocess

ANSWERED = re.compile(r'(?P<rate>[\d.]+) requests/s, median (?P<median>[\d.]+) ms, 95% within '
                      r'(?P<most>[\d.]+) ms, 99% within (?P<last>[\d.]+) ms, .*'
                      r"clients' CPU (?P<client>[\d.]+)")


class Crowd:
    """FOLDER/models/m.safetensors, unet_256 with ngf 64 and random weights or a copy of `model`, and
    four noisy PNGs of 256x256."""

    def __init__(self, build, folder, model=None):
        self.build = build
        self.models = folder + '/models'
        self.model = self.models + '/m.safetensors'
        self.pictures = ['%s/%d.png' % (folder, i) for i in range(4)]
        os.chmod(folder, 0o755)  # the daemon may change its user
        os.mkdir(self.models)
        if model:
            shutil.copy(model, self.model)
        else:
            subprocess.run([build + '/tests/make_checkpoint', self.model, 'unet_256', '64', '3',
                            '3', '1'], check=True)
        for i, picture in enumerate(self.pictures):
            subprocess.run([build + '/tests/server/make_picture', picture, '256', '256', str(i)],
                           check=True)

    def start(self, *options, binary=None):
        """A daemon that serves the network: the process and its address."""
        process = subprocess.Popen([binary or self.build + '/pix2pixd', '--listen', '127.0.0.1:0',
                                    '--models', self.models, '--log-level', 'error', *options],
                                   stdout=subprocess.PIPE, text=True)
        return process, process.stdout.readline().strip()

    def ask(self, url, clients, requests, warm_up, before=()):
        """What `clients` see that post `requests` pictures after the first `warm_up`: rate (answers
        a second), median, most and last (ms that 95 and 99 % take at most), client (ms of the
        clients' own CPU time a request)."""
        out = subprocess.run([*before, self.build + '/tests/bench/load', '--clients', str(clients),
                              '--warm-up', str(warm_up), '--requests', str(warm_up + requests), url]
                             + self.pictures, check=True, capture_output=True, text=True).stdout
        return {key: float(number) for key, number in ANSWERED.match(out).groupdict().items()}


def middle(values, width=8):
    """The median with the range."""
    return '%*.1f (%.1f-%.1f)' % (width, statistics.median(values), min(values), max(values))
