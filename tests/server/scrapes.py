#!/usr/bin/python3
"""Black-box test of --admin-listen under three times the load that the daemon can take, open loop: every
scrape and probe is answered, and nearly every one within 5 ms, not counting the time that the daemon's thread or
the scraper is ready to run and has no CPU. With that, times decide only if PX_STRICT is set, for a machine that
does nothing else: 99 of 100 within 5 ms, and all if the daemon's thread has a real-time priority, which it has if
root runs this. Scraper and clients then need one above the daemon's (PX_STRICT gives them that)."""

import asyncio
import glob
import multiprocessing
import os
import sys
import time

sys.dont_write_bytecode = True
from daemon import Daemon, done, equal, make_model, make_picture, ok  # noqa: E402
from loops import closed_loop, good, open_loop, p99, tally, translation  # noqa: E402

STRICT = bool(os.environ.get('PX_STRICT'))
SCRAPES = 500 if STRICT else 60
LIMIT = 0.005
make_model('slow', 'unet_128', 24, 3, 3, 3)
PICTURE = make_picture('a.png', 256, 256)
REQUEST = translation(PICTURE)
CROWD = ['127.0.1.%d' % i for i in range(1, 9)]


def scrape(client, path):
    """Seconds that one answer took on a kept connection, to its last byte."""
    start = time.monotonic()
    client.sendall(b'GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n' % path)
    data = b''
    while b'\r\n\r\n' not in data:
        data += client.recv(65536)
    head, _, body = data.partition(b'\r\n\r\n')
    equal(head[:15], b'HTTP/1.1 200 OK')
    length = int(head.lower().split(b'content-length: ')[1].split(b'\r')[0])
    while len(body) < length:
        body += client.recv(65536)
    return time.monotonic() - start


def usage(thread):
    """Seconds that a thread ran, and that it was ready to and had no CPU; 0 if the kernel does not count them."""
    with open(thread + '/schedstat', encoding='utf-8') as file:
        return [1e-9 * int(number) for number in file.read().split()[:2]]


def admin_thread(daemon):
    """The folder in /proc of the thread of --admin-listen."""
    threads = glob.glob('/proc/%d/task/*' % daemon.process.pid)
    thread, = [one for one in threads if open(one + '/comm', encoding='utf-8').read() == 'MHD-single\n']
    return thread


def scrapes(daemon, path):
    """Seconds that each scrape took, in order, and without the waits for a CPU, likewise."""
    found, own, thread = [], [], admin_thread(daemon)
    with daemon.connect(address=daemon.admin) as client:
        for _ in range(SCRAPES):
            time.sleep(0.05)
            before = usage(thread) + usage('/proc/self')
            found.append(scrape(client, path))
            ran, waited, _, self_waited = (b - a for a, b in zip(before, usage(thread) + usage('/proc/self')))
            # The scraper may wait for the thread to finish its work, which counts.
            own.append(found[-1] - waited - max(0, self_waited - ran))
    return sorted(found), sorted(own)


def times(found):
    return 'p50 %.2f ms, p99 %.2f ms, longest %.2f ms' % tuple(
        1e3 * seconds for seconds in (found[len(found) // 2], p99(found), found[-1]))


def crowd(rate, ready, results):
    """A process of its own: the open loop, until it is told to end."""
    async def load():
        found = asyncio.create_task(open_loop(daemon.address, REQUEST, rate, 2 + 0.06 * 2 * SCRAPES))
        await asyncio.sleep(2)
        ready.set()
        return await found
    results.put(tally(asyncio.run(load())))


daemon = Daemon('--admin-listen', '127.0.0.1:0', '--threads-per-worker', '0', '--http-threads', '2', '--log-level', 'info',
                *(['--user', 'root'] if STRICT and os.geteuid() == 0 else []))
REALTIME = os.sched_getscheduler(int(os.path.basename(admin_thread(daemon)))) == os.SCHED_FIFO


@ok('at three times the load that it can take, metrics and health are answered at once')
def _():
    if STRICT:  # clients and scraper are other machines, which do not wait for the daemon's threads
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(30))
    idle, _ = scrapes(daemon, b'/metrics')
    start = time.monotonic()
    rate = len(good(asyncio.run(closed_loop(daemon.address, REQUEST, CROWD, 4)))) / (time.monotonic() - start)
    ready, results = multiprocessing.Event(), multiprocessing.Queue()
    process = multiprocessing.Process(target=crowd, args=(3 * rate, ready, results))
    process.start()
    ready.wait()
    (metrics, metrics_own), (health, health_own) = scrapes(daemon, b'/metrics'), scrapes(daemon, b'/livez')
    under_load = results.get(timeout=120)
    process.join()
    print('# the thread has %s priority' % ('a real-time' if REALTIME else 'an ordinary'))
    print('# capacity %.0f a second; under three times that: %s' % (rate, under_load))
    print('# /metrics: idle %s; loaded %s' % (times(idle), times(metrics)))
    print('# /livez: loaded %s' % times(health))
    print('# without waits for a CPU: /metrics %s; /livez %s' % (times(metrics_own), times(health_own)))
    assert set(under_load) >= {200, 503}, under_load
    assert metrics[-1] < 5 and health[-1] < 5, (metrics[-1], health[-1])
    # One in twenty is left to what a virtual machine waits for outside of it.
    for own in metrics_own, health_own:
        assert own[SCRAPES * 19 // 20] <= LIMIT, own
    if STRICT:
        most = max if REALTIME else p99
        assert most(metrics) <= LIMIT and most(health) <= LIMIT, (metrics[-10:], health[-10:])


equal(daemon.stop(), 0)
done()
