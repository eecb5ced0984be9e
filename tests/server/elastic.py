#!/usr/bin/python3
"""Black-box tests of pix2pixd with elastic teams, which is what it does by default: a lone request
is answered by all CPUs, a crowd's by workers with one thread."""

import sys
import threading

sys.dont_write_bytecode = True
from daemon import Daemon, done, equal, make_model, make_picture, ok  # noqa: E402

make_model('colour', 'unet_64', 16, 3, 3, 1)
PICTURES = [make_picture('%d.png' % seed, 256, 256, seed) for seed in range(4)]
DEFAULT = ('--workers', '0', '--threads-per-worker', '0', '--cpus', '2', '--queue-seconds', '0')
TEAM, SINGLE = ('pix2pixd_batches_total{worker="%s"}' % name for name in ('team', 'single'))


def ask(daemon, picture):
    """At the picture's own size."""
    status, _, body = daemon.request('POST', '/translate?fit=image', 'Content-Type: image/png',
                                     body=picture)
    equal(status, 200)
    return body


def crowd(daemon, clients=8, times=3):
    """The answers of many clients at a time, in a list for each picture."""
    answers = [[] for _ in PICTURES]
    problems = []

    def client(number):
        try:
            for i in range(times):
                which = (number + i) % len(PICTURES)
                answers[which].append(ask(daemon, PICTURES[which]))
        except Exception as problem:  # noqa: B902
            problems.append(problem)
    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(problems, [])
    return answers


daemon = Daemon(*DEFAULT, '--max-batch', '1')
lone = []


@ok('two CPUs have a team of two threads and two workers with one')
def _():
    assert '; 1 team of 2 threads and 2 workers with 1 thread\n' in daemon.text(), daemon.text()
    equal(daemon.metric('pix2pixd_workers'), 3)
    equal(daemon.metric('pix2pixd_threads_per_worker'), 2)


@ok('lone requests are answered by the team')
def _():
    for picture in PICTURES[:3]:  # later it depends on how fast the team was
        lone.append(ask(daemon, picture))
    equal((daemon.metric(TEAM), daemon.metric(SINGLE)), (3, 0))
    lone.append(ask(daemon, PICTURES[3]))


@ok('a crowd is answered by several workers with one thread at a time, with the same bytes')
def _():
    most, over = [0], threading.Event()

    def watch():
        while not over.is_set():
            most[0] = max(most[0], daemon.metric('pix2pixd_inflight{stage="infer"}'))
    watcher = threading.Thread(target=watch)
    watcher.start()
    before = daemon.metric(SINGLE)
    for _ in range(20):  # until it was seen, which a busy machine may prevent for a while
        for which, answers in enumerate(crowd(daemon)):
            equal([answer == lone[which] for answer in answers], [True] * len(answers))
        if most[0] >= 2:
            break
    over.set()
    watcher.join()
    assert most[0] >= 2, most
    assert daemon.metric(SINGLE) > before


@ok('a lone request goes to the team again, with the same bytes')
def _():
    equal(daemon.wait_for('pix2pixd_workers_idle', 3), 3)
    for which, picture in enumerate(PICTURES):
        equal(ask(daemon, picture) == lone[which], True)


equal(daemon.stop(), 0)

# --- large pictures ------------------------------------------------------------------------------
LIMIT = 24 << 20
daemon = Daemon(*DEFAULT, '--memory-limit', str(LIMIT), '--max-batch', '2')
PICTURES = [make_picture('large%d.png' % seed, 448, 448, seed) for seed in range(2)] + PICTURES[:2]


@ok('a picture too large for one thread is answered by the team, also within a crowd')
def _():
    alone = [ask(daemon, picture) for picture in PICTURES]
    before = daemon.metric(TEAM)
    for _ in range(3):
        for which, answers in enumerate(crowd(daemon)):
            equal([answer == alone[which] for answer in answers], [True] * len(answers))
            equal(daemon.metric('pix2pixd_memory_bytes{part="plans"}') <= LIMIT, True)
    assert daemon.metric(TEAM) >= before + 18, (before, daemon.metric(TEAM))


@ok('what is too large for --memory-limit is refused, with a size that fits')
def _():
    huge = make_picture('huge.png', 1600, 1600)
    status, _, body = daemon.request('POST', '/translate?fit=image', 'Content-Type: image/png', body=huge)
    equal(status, 422)
    assert b'send at most' in body, body


equal(daemon.stop(), 0)

# --- where teams are not elastic -----------------------------------------------------------------
for title, options, said in (
        ('--workers fixes it', ('--workers', '1'), '1 worker with 2 threads'),
        ('so does --threads-per-worker', ('--threads-per-worker', '2'), '1 worker with 2 threads'),
        ('three CPUs compute together: their answers may differ from one thread\'s',
         ('--cpus', '3'), '1 worker with 3 threads'),
        ('so do two with little memory', ('--memory-limit', '1MiB'), '1 worker with 2 threads')):
    @ok(title)
    def _():
        daemon = Daemon(*DEFAULT, *options)
        equal(daemon.stop(), 0)
        assert '; %s\n' % said in daemon.text(), daemon.text()
done()
