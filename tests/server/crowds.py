#!/usr/bin/python3
"""Black-box tests of pix2pixd with thousands of clients: slow, idle, leaving, or more than there are
descriptors. Counts and statuses decide; times are printed."""

import os
import resource
import signal
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
from daemon import Daemon, done, equal, make_model, make_picture, ok, run, statuses, MAKE_CHECKPOINT  # noqa: E402

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
make_model('colour', 'unet_32', 4, 3, 3, 1)
PICTURE = make_picture('a.png', 48, 40)
HEAD = b'POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: %d\r\n%s\r\n'
GOOD = HEAD % (len(PICTURE), b'Connection: close\r\n') + PICTURE
GAUGES = ['pix2pixd_memory_bytes{part="bodies"}', 'pix2pixd_memory_bytes{part="pictures"}']


def timed(daemon, count):
    """Good requests one after another: how long the slowest of a hundred took, in ms."""
    times = []
    for _ in range(count):
        start = time.monotonic()
        equal(statuses(daemon.send(GOOD)), [200])
        times.append(1000 * (time.monotonic() - start))
    return sorted(times)[int(0.5 * count)], sorted(times)[int(0.99 * (count - 1))]


def resident(daemon):
    with open('/proc/%d/status' % daemon.process.pid) as file:
        return int(file.read().partition('VmRSS:')[2].split()[0])


# --- slow and idle -------------------------------------------------------------------------------
daemon = Daemon('--max-connections', '4000', '--log-level', 'warning')


@ok('1,000 clients that drip and 2,000 idle ones do not keep good ones from their answers')
def _():
    if hard < 8000:
        print('# only %d descriptors here' % hard)
    crowd = 3000 if hard >= 8000 else hard // 4
    timed(daemon, 100)
    before = timed(daemon, 300)
    clients = [daemon.connect() for _ in range(crowd)]
    slow = clients[:crowd // 3]
    halves = HEAD % (1000, b''), b'GET /models HTTP/1.1\r\nHost: localhost\r\nX: '
    for n, client in enumerate(slow):
        client.sendall(halves[n % 2])
    stop = threading.Event()

    def drip():
        while not stop.wait(1):
            for client in slow:
                try:
                    client.send(b'x', socket.MSG_DONTWAIT)
                except OSError:
                    pass
    dripper = threading.Thread(target=drip)
    dripper.start()
    time.sleep(1)
    during = timed(daemon, 300)
    equal(statuses(daemon.send(b'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n')), [200])
    stop.set()
    dripper.join()
    print('# alone: median %.1f ms, p99 %.1f ms; beside the crowd: %.1f, %.1f' % (before + during))
    for client in clients:
        client.close()
    equal(daemon.wait_for(GAUGES[0], 0), 0)


@ok('20,000 requests that are broken off leave nothing behind')
def _():
    sizes, data = [], (GOOD[:40], GOOD[:200], GOOD[:-1], GOOD)
    for n in range(20000):
        with daemon.connect() as client:
            client.sendall(data[n % 4])
        if n % 5000 == 4999:
            for gauge in GAUGES:
                equal(daemon.wait_for(gauge, 0, 30), 0)
            sizes.append(resident(daemon))
    print('# KiB resident after 5,000, 10,000 ...:', sizes)
    assert sizes[-1] - sizes[1] <= 4 << 10, sizes
    equal(daemon.wait_for('pix2pixd_queue_depth', 0), 0)
    end = time.monotonic() + 10
    while daemon.descriptors() > 40 and time.monotonic() < end:
        time.sleep(0.1)
    assert daemon.descriptors() <= 40, daemon.descriptors()
    equal(statuses(daemon.send(GOOD)), [200])


@ok('models that are replaced under load fail no request')
def _():
    found, end = [], time.monotonic() + 6

    def ask():
        while time.monotonic() < end:
            found.append(statuses(daemon.send(GOOD)))
    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    number = 0
    while time.monotonic() < end:
        number += 1
        run(MAKE_CHECKPOINT, 'next.safetensors', 'unet_32', '4', '3', '3', str(number))
        os.rename('next.safetensors', 'models/colour.safetensors')
        daemon.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
    for asker in askers:
        asker.join()
    reloads = daemon.metric('pix2pixd_model_reloads_total{result="changed"}')
    print('# %d requests, %d reloads' % (len(found), reloads))
    equal([one for one in found if one != [200]], [])
    assert reloads >= 2 and len(found) >= 8, (reloads, len(found))


daemon.stop()


# --- descriptors ---------------------------------------------------------------------------------
def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))


daemon = Daemon(preexec_fn=few_descriptors)


@ok('with fewer descriptors than --max-connections the daemon says so and allows fewer')
def _():
    assert 'max-connections' in daemon.text() and '128' in daemon.text(), daemon.text()


@ok('more clients than descriptors: health and good clients are answered')
def _():
    clients = []
    for n in range(400):
        clients.append(daemon.connect())
        if n % 50 == 49:
            equal(statuses(daemon.send(b'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n', timeout=10)), [200])
    equal(statuses(daemon.send(GOOD, timeout=10)), [200])
    for client in clients:
        client.close()


@ok('and when they are gone, all is as before')
def _():
    before = time.monotonic()
    for _ in range(20):
        equal(statuses(daemon.send(GOOD, timeout=10)), [200])
    assert time.monotonic() - before < 20
    with open('/proc/%d/stat' % daemon.process.pid) as file:
        equal(file.read().rpartition(')')[2].split()[0] in 'SR', True)


daemon.stop()
done()
