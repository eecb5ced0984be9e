#!/usr/bin/python3
"""Black-box tests of pix2pixd under a service manager: notifications and sockets that it passes."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from daemon import (FOLDER, PIX2PIXD, Daemon, done, equal, make_model, make_picture, ok,  # noqa: E402
                    parse, read_all, skip)

make_model('colour', 'unet_32', 4, 3, 3, 1)


class Manager:
    """The receiving end of notifications."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace('@', '\0'))
        self.environment = dict(os.environ, NOTIFY_SOCKET=address)

    def next(self, seconds=20):
        """The next notification, or '' if there is none in this time."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(4096).decode()
        except TimeoutError:
            return ''


@ok('it notifies that it is ready, reloads and is ready again, and stops')
def _():
    manager = Manager(FOLDER + '/notify')
    daemon = Daemon(env=manager.environment)
    equal(manager.next(), 'READY=1')
    before = time.monotonic()
    daemon.process.send_signal(signal.SIGHUP)
    state = manager.next()
    found = re.fullmatch(r'RELOADING=1\nMONOTONIC_USEC=(\d+)', state)
    assert found and before <= int(found[1]) * 1e-6 + 1e-3 <= time.monotonic() + 1e-3, state
    equal(manager.next(), 'READY=1')
    assert 'models reloaded: nothing changed' in daemon.text()
    equal(daemon.stop(), 0)
    equal((manager.next(), manager.next(0.2)), ('STOPPING=1', ''))


@ok('it is ready only when it answers')
def _():
    manager = Manager(FOLDER + '/ready')
    daemon = Daemon(env=manager.environment)
    equal(manager.next(), 'READY=1')
    equal(daemon.get('/readyz')[0], 200)
    equal(daemon.stop(), 0)


@ok('an abstract address is taken, too')
def _():
    manager = Manager('@pix2pixd-test-%d' % os.getpid())
    daemon = Daemon(env=manager.environment)
    equal(manager.next(), 'READY=1')
    equal(daemon.stop(), 0)


@ok('an address that cannot be used gets a warning, and the daemon serves')
def _():
    for address in ('nonsense', '/' + 'x' * 200, FOLDER + '/nobody'):
        daemon = Daemon(env=dict(os.environ, NOTIFY_SOCKET=address))
        equal(daemon.get('/readyz')[0], 200)
        equal(daemon.stop(), 0)
        assert re.search(r' warning .*(NOTIFY_SOCKET|service manager cannot)', daemon.text()), daemon.text()


@ok('with WATCHDOG_USEC it gives a sign of life at half of that time')
def _():
    manager = Manager(FOLDER + '/watchdog')
    daemon = Daemon(env=dict(manager.environment, WATCHDOG_USEC='2000000'))
    equal(manager.next(), 'READY=1')
    equal(manager.next(), 'WATCHDOG=1')
    times = [time.monotonic()]
    for _ in range(2):
        equal(manager.next(2), 'WATCHDOG=1')
        times.append(time.monotonic())
    assert times[2] - times[0] > 1.5, times
    equal(daemon.stop(), 0)


@ok('and none if WATCHDOG_PID is another process')
def _():
    manager = Manager(FOLDER + '/another')
    daemon = Daemon(env=dict(manager.environment, WATCHDOG_USEC='200000', WATCHDOG_PID='1'))
    equal((manager.next(), manager.next(1)), ('READY=1', ''))
    equal(daemon.stop(), 0)


FREEZER = '/sys/fs/cgroup/freezer/pix2pixd-systemd-%d' % os.getpid()
STUCK = 'it gives no sign of life while a worker hangs'


def write(name, text):
    with open(os.path.join(FREEZER, name), 'w') as file:
        file.write(text)


def busiest_thread(pid):
    """The worker, while it computes."""
    def ticks(task):
        with open('/proc/%d/task/%s/stat' % (pid, task)) as file:
            return sum(map(int, file.read().rpartition(')')[2].split()[11:13]))
    before = {task: ticks(task) for task in os.listdir('/proc/%d/task' % pid)}
    time.sleep(0.3)
    return max(before, key=lambda task: ticks(task) - before[task])


def process_of(task):
    with open('/proc/%s/status' % task) as file:
        return int(re.search(r'^Tgid:\s*(\d+)', file.read(), re.MULTILINE)[1])


def hang():
    make_model('slow', 'unet_256', 48, 3, 3, 1)
    picture = make_picture('large.png', 1536, 1536)
    manager = Manager(FOLDER + '/stuck')
    daemon = Daemon('--default-model', 'slow', '--request-deadline', '4', '--stop-timeout', '0', '--max-batch', '1',
                    env=dict(manager.environment, WATCHDOG_USEC='400000'))
    post = ['POST', '/translate?model=slow&fit=image', 'Content-Type: image/png']
    asker = threading.Thread(target=lambda: daemon.request(*post, body=picture), daemon=True)
    asker.start()
    equal(daemon.wait_for('pix2pixd_inflight{stage="infer"}', 1, 20), 1)
    write('tasks', busiest_thread(daemon.process.pid))
    write('freezer.state', 'FROZEN')
    end = time.monotonic() + 20
    while daemon.get('/livez')[0] == 200 and time.monotonic() < end:
        time.sleep(0.1)
    assert 'a worker is stuck' in daemon.get('/livez')[2].decode()
    # The worker has not run this model at this size: it may hang while it packs weights.
    equal(daemon.metric('pix2pixd_workers_stuck'), 1)
    while manager.next(0.3):
        pass
    equal(manager.next(2), '')
    write('freezer.state', 'THAWED')
    equal(manager.next(), 'WATCHDOG=1')
    equal(daemon.stop(), 0)


def hang_and_end():
    try:
        hang()
    finally:
        write('freezer.state', 'THAWED')  # a frozen thread cannot even be killed
        for pid in {process_of(task) for task in open(FREEZER + '/tasks').read().split()}:
            os.kill(pid, signal.SIGKILL)


try:
    os.mkdir(FREEZER)
except OSError:
    skip(STUCK, 'no freezer control group can be made')
else:
    ok(STUCK)(hang_and_end)
    for _ in range(100):
        try:
            os.rmdir(FREEZER)
            break
        except OSError:
            time.sleep(0.1)


# --- sockets ---------------------------------------------------------------------------------------
def passing(sockets, pid=None):
    """Arguments for Popen: the sockets become the descriptors from 3 on."""
    def prepare():
        copies = [os.dup(each.fileno()) for each in sockets]
        high = [os.dup2(copy, 50 + i) for i, copy in enumerate(copies)]
        for i, copy in enumerate(high):
            os.dup2(copy, 3 + i)
        os.environ['LISTEN_FDS'] = str(len(sockets))
        os.environ['LISTEN_PID'] = str(pid or os.getpid())
    return {'preexec_fn': prepare, 'pass_fds': range(3, 3 + len(sockets))}


def listener():
    here = socket.socket()
    here.bind(('127.0.0.1', 0))
    here.listen()
    return here


def url_of(here):
    return 'http://127.0.0.1:%d' % here.getsockname()[1]


@ok('sockets that are passed take the place of --listen')
def _():
    with listener() as one, listener() as two:
        daemon = Daemon(**passing([one, two]))
        equal(daemon.more_urls(1), [url_of(one), url_of(two)])
        equal(daemon.get('/readyz')[0], 200)
        daemon.address = two.getsockname()
        equal(daemon.get('/readyz')[0], 200)
        equal(daemon.stop(), 0)


@ok('a client that connects between two daemons is answered by the second')
def _():
    with listener() as here:
        equal(Daemon(**passing([here])).stop(), 0)
        with socket.create_connection(here.getsockname(), 5) as client:
            client.sendall(b'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
            daemon = Daemon(**passing([here]))
            client.settimeout(20)
            equal(parse(read_all(client))[0], 200)
        equal(daemon.stop(), 0)


@ok('sockets for another process are left alone')
def _():
    with listener() as here:
        daemon = Daemon(**passing([here], pid=1))
        assert daemon.url != url_of(here)
        equal(daemon.get('/readyz')[0], 200)
        equal(daemon.stop(), 0)


def refused(sockets):
    run = subprocess.run([PIX2PIXD, '--models', 'models', '--log-level', 'error'], capture_output=True,
                         text=True, timeout=30, **passing(sockets))
    equal((run.returncode, run.stdout, run.stderr.count('\n')), (1, '', 1))
    return run.stderr


@ok('unix sockets are taken, too, and left where they are')
def _():
    with socket.socket(socket.AF_UNIX) as here:
        here.bind('passed')
        here.listen()
        daemon = Daemon(listen=(), **passing([listener(), here]))
        equal(daemon.more_urls(1)[1], 'unix:passed')
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect('passed')
            client.sendall(b'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
            equal(parse(read_all(client))[0], 200)
        equal(daemon.stop(), 0)
        assert os.path.exists('passed')


@ok('those that are named admin are for health and metrics')
def _():
    with listener() as one, listener() as two, listener() as three:
        arguments = passing([one, two, three])
        os.environ['LISTEN_FDNAMES'] = 'web:admin:web'
        daemon = Daemon('--admin-listen', '127.0.0.1:1', **arguments)
        del os.environ['LISTEN_FDNAMES']
        equal(daemon.more_urls(1), [url_of(one), url_of(three)])
        assert 'health and metrics on ' + url_of(two) in daemon.text()
        daemon.address = two.getsockname()
        equal([daemon.get('/metrics')[0], daemon.get('/models')[0]], [200, 404])
        equal(daemon.stop(), 0)


@ok('a descriptor that is not a listening stream socket is refused and named')
def _():
    with listener() as good, socket.socket(type=socket.SOCK_DGRAM) as datagrams, socket.socket() as deaf, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unix, open('in', 'w') as file:
        unix.bind('unix')
        for bad in (datagrams, deaf, unix, file):
            assert 'descriptor 4 of LISTEN_FDS' in refused([good, bad]), bad


done()
