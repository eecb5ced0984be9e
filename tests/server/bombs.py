#!/usr/bin/python3
"""A daemon with its own limits in a control group of 256 MiB, and pictures that are small to send and large
to decode: nothing is killed. Needs root and a memory controller."""

import atexit
import concurrent.futures
import os
import struct
import sys
import time
import zlib

sys.dont_write_bytecode = True
from daemon import Daemon, done, equal, make_model, make_picture, ok, read_all, statuses  # noqa: E402

LIMIT = 256 << 20
NAME = 'pix2pixd-bombs-%d' % os.getpid()
GROUPS = [('/sys/fs/cgroup/memory/' + NAME, 'memory.limit_in_bytes', 'memory.oom_control', 'memory.max_usage_in_bytes'),
          ('/sys/fs/cgroup/' + NAME, 'memory.max', 'memory.events', 'memory.peak')]


def read(path):
    with open(path) as file:
        return file.read()


def remove(group):
    """Once the daemon in it, which was killed, has gone."""
    for _ in range(100):
        try:
            return os.rmdir(group)
        except OSError:
            time.sleep(0.05)


def make_group():
    for group, limit, events, peak in GROUPS:
        try:
            os.mkdir(group)
        except OSError:
            continue
        atexit.register(remove, group)
        try:
            with open(os.path.join(group, limit), 'w') as file:
                file.write(str(LIMIT))
            return group, events, peak
        except OSError:
            pass
    print('1..0 # SKIP no control group of memory can be made here')
    sys.exit()


GROUP, EVENTS, PEAK = make_group()


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png(width, height, depth, colour, interlaced, size):
    """A PNG whose `size` bytes of rows are all zero."""
    deflate = zlib.compressobj(9)
    data = b''.join(deflate.compress(bytes(1 << 20)) for _ in range(size >> 20)) + \
        deflate.compress(bytes(size & (1 << 20) - 1)) + deflate.flush()
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, interlaced)) +
            chunk(b'IDAT', data) + chunk(b'IEND', b''))


def adam7_bytes(width, height, pixel):
    passes = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
    size = 0
    for x, dx, y, dy in passes:
        columns, rows = (width - x + dx - 1) // dx, (height - y + dy - 1) // dy
        size += rows * (1 + columns * pixel) if columns else 0
    return size


def post(body, query=''):
    return (b'POST /translate%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: image/png\r\n'
            b'Content-Length: %d\r\n\r\n%s' % (query.encode(), len(body), body))


make_model('colour', 'unet_32', 4, 3, 3, 1)
GOOD = post(make_picture('good.png', 48, 40))
FLAT = png(1900, 1900, 1, 0, 0, 1900 * 239)
BOMBS = [post(FLAT),
         post(png(3000, 3000, 1, 0, 0, 3000 * 376)),
         post(png(1500, 1500, 16, 6, 1, adam7_bytes(1500, 1500, 8))),
         post(png(8000, 8000, 1, 0, 0, 8000 * 1001)),
         post(png(60000, 60000, 1, 0, 0, 100)),
         post(png(2500, 2500, 16, 6, 1, 1 << 20)),
         post(FLAT, '?fit=scale'),
         post(FLAT, '?fit=image')]


def enter_group():
    with open(os.path.join(GROUP, 'cgroup.procs'), 'w') as file:
        file.write(str(os.getpid()))


# As much for requests as fits.
daemon = Daemon('--log-level', 'info', '--memory-limit', '32MiB', '--request-memory', '76MiB', preexec_fn=enter_group)
print('#', [line for line in daemon.text().splitlines() if 'memory at most' in line][0])
assert 'lower --memory-limit' not in daemon.text()


def is_alive():
    equal(daemon.process.poll(), None)
    events = dict(line.split() for line in read(os.path.join(GROUP, EVENTS)).splitlines())
    equal(int(events.get('oom_kill', 0)), 0)
    try:
        print('# peak of the group: %d MiB of %d' % (int(read(os.path.join(GROUP, PEAK))) >> 20, LIMIT >> 20))
    except OSError:
        pass


def send(data):
    return statuses(daemon.send(data, timeout=300))


@ok('200 bombs at once in 256 MiB: each gets a status, and nothing is killed')
def _():
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        found = list(pool.map(send, [BOMBS[i % len(BOMBS)] for i in range(200)]))
    flat = [status for one in found for status in one]
    print('#', {status: flat.count(status) for status in sorted(set(flat))})
    equal(len(flat), 200)
    assert set(flat) <= {200, 413, 422, 503, 504}, set(flat)
    is_alive()
    equal(send(GOOD), [200])


@ok('250 clients that do not read what they asked for: nothing is killed, and their memory comes back')
def _():
    clients = []
    for _ in range(250):
        client = daemon.connect()
        client.sendall(BOMBS[6])
        clients.append(client)
    end = time.monotonic() + 20
    while time.monotonic() < end and daemon.metric('pix2pixd_queue_depth') > 0:
        time.sleep(0.5)
    is_alive()
    for client in clients:
        client.close()
    for part in 'bodies', 'pictures':
        equal(daemon.wait_for('pix2pixd_memory_bytes{part="%s"}' % part, 0, 30), 0)
    equal(send(GOOD), [200])


@ok('and those that read slowly get all of it')
def _():
    with daemon.connect(120) as client:
        client.sendall(BOMBS[6])
        time.sleep(2)
        equal(statuses(read_all(client)), [200])


daemon.stop()
done()
