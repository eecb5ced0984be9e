#!/usr/bin/python3
"""Black-box tests of --admin-listen: health and metrics that do not depend on the traffic."""

import ctypes
import glob
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from daemon import PIX2PIXD, Daemon, done, equal, make_model, ok, parse, read_all, skip  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)


def start(*options, **popen):
    return Daemon('--admin-listen', '127.0.0.1:0', *options, **popen)


def ask(daemon, path, method='GET', host='127.0.0.1', body=b''):
    with socket.create_connection(daemon.admin, 5) as client:
        client.sendall(('%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n'
                        % (method, path, host, len(body))).encode() + body)
        return parse(read_all(client))


daemon = start()


@ok('the admin address has health and metrics')
def _():
    for path in ('/livez', '/readyz', '/startupz', '/healthz', '/v2/health/ready', '/metrics'):
        equal(ask(daemon, path)[0], 200)
        equal(ask(daemon, path, 'HEAD')[0], 200)
    assert b'\npix2pixd_queue_depth 0\n' in ask(daemon, '/metrics')[2]


@ok('and nothing else')
def _():
    for path in ('/translate', '/models', '/', '/no-such'):
        equal(ask(daemon, path)[0], 404)
    equal(ask(daemon, '/translate', 'POST', body=b'x' * 100000)[0], 404)
    equal(ask(daemon, '/readyz', 'POST', body=b'x' * 100000)[0], 405)


@ok('the main address has health, but no longer metrics')
def _():
    for path in ('/livez', '/readyz', '/startupz', '/healthz', '/v2/health/ready', '/models'):
        equal(daemon.get(path)[0], 200)
    for method in ('GET', 'HEAD'):
        equal(daemon.request(method, '/metrics')[0], 404)
    assert b'--admin-listen' in daemon.get('/metrics')[2]


def admin_thread(asked):
    """Its folder in /proc."""
    for thread in glob.glob('/proc/%d/task/*' % asked.process.pid):
        with open(thread + '/comm', encoding='utf-8') as name:
            if name.read() == 'MHD-single\n':
                return thread
    raise AssertionError('there is no such thread')


@ok('names that web sites point to a loopback address are refused')
def _():
    equal(ask(daemon, '/metrics', host='evil.example')[0], 403)


@ok('it answers while every connection of the main address is taken')
def _():
    full = start('--max-connections', '8', '--http-threads', '1')
    clients = [full.connect() for _ in range(40)]
    for client in clients:
        client.sendall(b'POST /translate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nx')
    end = time.monotonic() + 10
    while b'\npix2pixd_connections 8\n' not in ask(full, '/metrics')[2] and time.monotonic() < end:
        time.sleep(0.02)
    for path in ('/livez', '/readyz', '/metrics'):
        equal(ask(full, path)[0], 200)
    for client in clients:
        client.close()
    equal(full.stop(), 0)


def scheduling(pid):
    """(name, nice value, slice in ns; 0: the kernel has none) of each thread."""
    found = []
    libc = ctypes.CDLL(None, use_errno=True)
    for tid in map(int, os.listdir('/proc/%d/task' % pid)):
        with open('/proc/%d/task/%d/comm' % (pid, tid), encoding='utf-8') as file:
            name = file.read().strip()
        attr = ctypes.create_string_buffer(48)
        equal(libc.syscall(SCHED_GETATTR, tid, attr, 48, 0), 0)
        _, _, _, nice, _, runtime, _, _ = struct.unpack('=IIQiIQQQ', attr.raw)
        found.append((name, nice, runtime))
    return found


SCHED_GETATTR = {'x86_64': 315, 'aarch64': 275}.get(os.uname().machine)
CAP_SYS_NICE = 23
with open('/proc/self/status', encoding='utf-8') as status_file:
    RANKS = int(re.search(r'CapEff:\s+(\w+)', status_file.read())[1], 16) >> CAP_SYS_NICE & 1


def is_urgent(daemon, nice=None):
    """Its nice value is `nice` below the others', or not above, as the machine allows."""
    found = scheduling(daemon.process.pid)
    admin = [one[1:] for one in found if one[0] == 'MHD-single']
    others = [one[1:] for one in found if one[0] != 'MHD-single']
    own = os.getpriority(os.PRIO_PROCESS, 0)
    equal(len(admin), 1)
    assert admin[0][0] <= own if nice is None else admin[0][0] == max(-20, own + nice), found
    equal({one[0] for one in others}, {own})
    least = min(one[1] for one in others)
    assert least == 0 or admin[0][1] < least, found
    equal(daemon.stop(), 0)


def on_this_machine(sentence, able, why):
    return ok(sentence) if able else lambda _: skip(sentence, why)


@on_this_machine('its thread alone has short slices of time, so that it need not wait for workers', SCHED_GETATTR,
                 'the number of sched_getattr() on this processor is not known here')
def _():
    is_urgent(start('--http-threads', '2'))


def limits(nice, realtime):
    """For a process that is about to be started: what it may raise its priorities to."""
    def set_limits():
        resource.setrlimit(resource.RLIMIT_NICE, (nice, nice))
        resource.setrlimit(resource.RLIMIT_RTPRIO, (realtime, realtime))
    return set_limits


def can(preexec):
    try:
        return subprocess.run(['true'], preexec_fn=preexec).returncode == 0
    except subprocess.SubprocessError:
        return False


@on_this_machine('and the highest nice value, if the daemon may give it that', SCHED_GETATTR and can(limits(40, 0)),
                 'this test may not raise limits')
def _():
    is_urgent(start('--http-threads', '2', preexec_fn=limits(40, 0)), -20)


def is_realtime(daemon):
    tids = map(int, os.listdir('/proc/%d/task' % daemon.process.pid))
    found = {tid: os.sched_getscheduler(tid) for tid in tids}
    first = int(os.path.basename(admin_thread(daemon)))
    equal([tid for tid in found if found[tid] != os.SCHED_OTHER], [first])
    equal((found[first], os.sched_getparam(first).sched_priority), (os.SCHED_FIFO, 1))
    equal(daemon.stop(), 0)


@on_this_machine('and the lowest real-time priority, if a limit allows it', can(limits(0, 1)), 'this test may not raise limits')
def _():
    is_realtime(start('--http-threads', '2', preexec_fn=limits(0, 1)))


@on_this_machine('or a capability', RANKS, 'this test may not raise priorities')
def _():
    is_realtime(start('--http-threads', '2', '--sandbox', 'off', '--user', 'root'))


@ok('--health asks there')
def _():
    run = subprocess.run([PIX2PIXD, '--health', '--listen', '127.0.0.1:1', '--admin-listen',
                          '%s:%d' % daemon.admin], timeout=20)
    equal(run.returncode, 0)


@ok('while the daemon drains, it is alive and not ready')
def _():
    other = start('--drain-delay', '20')
    other.process.send_signal(signal.SIGTERM)
    end = time.monotonic() + 10
    while ask(other, '/readyz')[0] != 503 and time.monotonic() < end:
        time.sleep(0.02)
    equal((ask(other, '/readyz')[0], ask(other, '/livez')[0]), (503, 200))
    equal(other.stop(), 0)


@ok('an address that is taken or is not one is refused, and the option named')
def _():
    for address, status in (('%s:%d' % daemon.admin, 1), ('nonsense', 2)):
        run = subprocess.run([PIX2PIXD, '--models', 'models', '--listen', '127.0.0.1:0', '--admin-listen', address],
                             capture_output=True, text=True, timeout=20)
        equal((run.returncode, run.stdout), (status, ''))
        assert '--admin-listen' in run.stderr and address in run.stderr, run.stderr


@ok('its port is closed in the end')
def _():
    equal(daemon.stop(), 0)
    with socket.socket() as client:
        equal(client.connect_ex(daemon.admin), 111)


done()
