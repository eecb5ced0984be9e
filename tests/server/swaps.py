#!/usr/bin/python3
"""Black-box test of memory: twenty models are swapped in under load, and what the old ones took is given
back."""

import os
import shutil
import sys
import threading
import time

sys.dont_write_bytecode = True
from daemon import Daemon, done, equal, make_model, make_picture, ok  # noqa: E402

SWAPS = 20
# Less than a third of a model's weights, so that one model that is left behind is noticed. The heaps of threads
# differed by 1 MiB in 40 swaps.
TOLERANCE = 8 << 20
make_model('colour', 'unet_64', 32, 3, 3, 1)
for seed in 2, 3:
    os.mkdir('other%d' % seed)
    make_model('../other%d/colour' % seed, 'unet_64', 32, 3, 3, seed)
PICTURE = make_picture('a.png', 64, 64)
daemon = Daemon('--workers', '2', '--codec-threads', '1', '--log-level', 'warning')
CHANGED = 'pix2pixd_model_reloads_total{result="changed"}'


def ask():
    return daemon.request('POST', '/translate', 'Content-Type: image/png', body=PICTURE)[0]


def swap(number):
    """Renames another file into place and waits until it is served; `number` counts from 1."""
    shutil.copy('other%d/colour.safetensors' % (2 + number % 2), 'models/.new')
    os.rename('models/.new', 'models/colour.safetensors')
    equal(daemon.wait_for(CHANGED, number, 60), number)


def settled():
    """Resident bytes once the workers have been idle for a while: the least of some seconds."""
    found = []
    for _ in range(12):
        time.sleep(0.25)
        found.append(daemon.metric('process_resident_memory_bytes'))
    return min(found)


@ok('after twenty swaps under load the daemon takes no more memory than after four, and no picture fails')
def _():
    stopping, answers = threading.Event(), []

    def client():
        while not stopping.is_set():
            answers.append(ask())
    threads = [threading.Thread(target=client) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 5):
        swap(number)
    stopping.set()
    for thread in threads:
        thread.join()
    before = settled()
    weights = daemon.metric('pix2pixd_memory_bytes{part="weights"}')

    stopping.clear()
    threads = [threading.Thread(target=client) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(5, SWAPS + 1):
        swap(number)
    stopping.set()
    for thread in threads:
        thread.join()
    after = settled()
    print('# %d pictures; resident after 4 swaps %.1f MiB, after %d %.1f MiB; weights %.1f MiB' % (
        len(answers), before / 2**20, SWAPS, after / 2**20, weights / 2**20))
    equal(set(answers), {200})
    assert weights > 3 * TOLERANCE, weights
    assert after <= before + TOLERANCE, (before, after)
    with open('/proc/%d/maps' % daemon.process.pid, encoding='utf-8') as file:
        assert 'colour.safetensors (deleted)' not in file.read()


equal(daemon.stop(), 0)
done()
