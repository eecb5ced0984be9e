#!/usr/bin/python3
"""What becomes of a daemon when the n-th allocation, write, accept or new thread fails: it answers 503
or closes the connection, and nothing is lost.

Every position is tried if PX_FAULTS_ALL is set, else some of them. Arguments: those of daemon.py, the
shim, and a daemon that keeps no memory to be used again, so that all of ours can fail."""

import errno
import os
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from daemon import MORE, PIX2PIXD, Daemon, done, equal, make_picture, ok  # noqa: E402
from faults import Faults  # noqa: E402
from requests import FORMS, ask, post  # noqa: E402

ALL = bool(os.environ.get('PX_FAULTS_ALL'))
PLAIN = MORE[1]
GAUGES = ['pix2pixd_memory_bytes{part="%s"}' % part for part in ('bodies', 'pictures')]
faults = Faults('control')


class Victim:
    """A daemon that is started again when it has died."""

    def __init__(self, program, *options):
        self.program, self.options = program, options
        self.deaths = 0
        self.start()

    def start(self):
        faults.disarm()
        self.daemon = Daemon(*self.options, program=self.program, env=faults.environment())
        for data in FORMS.values():
            for _ in range(3):
                equal(self.ask(data), 200)

    def ask(self, data):
        try:
            with self.daemon.connect(10) as client:
                return ask(client, data)
        except OSError:
            return 0

    def is_dead(self):
        """Counts and starts it again; it may only die by the libraries that do not return errors."""
        try:
            self.is_whole()
            return False
        except (AssertionError, ConnectionError):
            try:
                self.daemon.process.wait(5)
            except subprocess.TimeoutExpired:
                pass
            if self.daemon.process.returncode is None:
                raise
        code, text = self.daemon.process.returncode, self.daemon.text()
        theirs = (code == -signal.SIGABRT and 'std::bad_alloc' in text) or (
            code == 1 and 'libgomp: Out of memory' in text)
        assert theirs, (code, text[-2000:])
        self.deaths += 1
        self.start()
        return True

    def is_whole(self):
        for gauge in GAUGES:
            equal(self.daemon.wait_for(gauge, 0), 0)
        equal(self.ask(FORMS['a PNG']), 200)


def positions(count, few):
    step = 1 if ALL else max(1, count // few)
    return range(1, count + 1, step)


def sweep(victim, name, data, kind='allocate', few=12, error=errno.ENOMEM):
    """The statuses for each position that did not kill the daemon, and how many did."""
    faults.arm(kind)
    equal(victim.ask(data), 200)
    time.sleep(0.02)  # what follows the answer
    count = faults.count(kind)
    faults.disarm()
    before, found, tried = victim.deaths, {}, 0
    for n in positions(count, few):
        faults.arm(kind, n, error=error)
        status = victim.ask(data)
        failed = faults.failed(kind)
        faults.disarm()
        tried += 1
        if not victim.is_dead() and failed:
            found[status] = found.get(status, 0) + 1
    deaths = victim.deaths - before
    print('# %s: %d of %d positions tried, %d ended the daemon, statuses %s' %
          (name, tried, count, deaths, dict(sorted(found.items()))))
    return found, deaths


# --- memory --------------------------------------------------------------------------------------
victim = Victim(PIX2PIXD)
for name, data in FORMS.items():
    @ok('%s of a warm daemon survives the failure of any allocation' % name)
    def _():
        found, deaths = sweep(victim, name, data, few=40)
        equal(deaths, 0)
        assert set(found) <= {0, 200, 503}, found
victim.daemon.stop()

plain = Victim(PLAIN)
for name, data in FORMS.items():
    @ok('%s, when none of our memory is kept: 503, and only oneDNN and OpenMP may end the process' % name)
    def _():
        found, _ = sweep(plain, name, data)
        assert set(found) <= {0, 200, 503}, found
plain.daemon.stop()


# --- shapes that are new -------------------------------------------------------------------------
# Thousands of allocations, most of them by oneDNN: only some are tried.
def new_shape(n):
    return post(b'image/png', make_picture('new.png', 32 * (3 + n % 20), 32 * (1 + n // 20))).replace(
        b'/translate', b'/translate?fit=image')


def sweep_new_shapes(failures):
    victim = Victim(PIX2PIXD, '--memory-limit', '256MiB')
    faults.arm('allocate')
    equal(victim.ask(new_shape(0)), 200)
    count = faults.count('allocate')
    found, number, tried = {}, 1, positions(count, 300 if ALL else 12)
    for n in tried:
        data = new_shape(number % 400)
        number += 1
        faults.arm('allocate', n, n + failures - 1)
        status = victim.ask(data)
        faults.disarm()
        if not victim.is_dead():
            found[status] = found.get(status, 0) + 1
    victim.daemon.stop()
    print('# %d of %d positions tried, %d ended the daemon, statuses %s' %
          (len(tried), count, victim.deaths, dict(sorted(found.items()))))
    assert set(found) <= {0, 200, 503}, found
    equal(victim.deaths, 0)


for failures, title in (1, 'one allocation fails'), (4, 'four allocations in turn fail'), (
        1 << 40, 'every allocation fails from some point on'):
    @ok('the daemon survives a picture of a new size while ' + title)
    def _():
        sweep_new_shapes(failures)


# --- writes, connections, threads ----------------------------------------------------------------
# EAGAIN and EINTR are answers that come every day, the others end a connection.
victim = Victim(PIX2PIXD, '--admin-listen', '127.0.0.1:0')
for error in errno.EPIPE, errno.ECONNRESET, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN, errno.EINTR, errno.EIO:
    @ok('any write that fails with %s loses one answer at most' % errno.errorcode[error])
    def _():
        found, deaths = sweep(victim, errno.errorcode[error], FORMS['a PNG'], 'send', 40, error)
        equal(deaths, 0)
        assert set(found) <= {0, 200}, found

for error in errno.ENFILE, errno.EMFILE, errno.ENOMEM, errno.ECONNABORTED, errno.EINTR, errno.EPERM:
    @ok('accepting that fails with %s is tried again' % errno.errorcode[error])
    def _():
        faults.arm('accept', 1, 3, error)
        equal(victim.ask(FORMS['a PNG']), 200)
        faults.disarm()
        victim.is_whole()


def cpu_seconds(pid):
    with open('/proc/%d/stat' % pid) as file:
        fields = file.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


LIVEZ = b'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
ADDRESSES = ('', victim.daemon.address, FORMS['a PNG']), (' on --admin-listen', victim.daemon.admin, LIVEZ)
for error in errno.ENFILE, errno.EMFILE, errno.ENOMEM:
    for where, address, request in ADDRESSES:
        @ok('accepting%s that fails with %s for seconds does not take the CPU' % (where, errno.errorcode[error]))
        def _():
            pid = victim.daemon.process.pid
            faults.arm('accept', 1, 1 << 60, error)
            client = victim.daemon.connect(address=address)
            before = cpu_seconds(pid)
            time.sleep(2)
            used, calls = cpu_seconds(pid) - before, faults.count('accept')
            faults.disarm()
            print('# %.2f CPU seconds and %d calls in 2 s' % (used, calls))
            assert calls < 1000, calls
            equal(ask(client, request), 200)
            client.close()
victim.daemon.stop()


@ok('a daemon whose n-th thread cannot start says so and ends')
def _():
    for n in range(1, 40):
        faults.arm('thread', n)
        process = subprocess.Popen([PIX2PIXD, '--listen', '127.0.0.1:0', '--models', 'models', '--workers', '1',
                                    '--threads-per-worker', '2', '--dtype', 'f32', '--log-level', 'error'],
                                   env=faults.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if process.stdout.readline():
            equal(faults.failed('thread'), 0)
            process.terminate()
            equal(process.wait(20), 0)
            break
        text = process.stderr.read().decode()
        assert process.wait(20) > 0 and re.search('thread|libgomp|libmicrohttpd', text), (n, text)
    assert n > 6, n


done()
