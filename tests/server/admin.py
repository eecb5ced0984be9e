#!/usr/bin/python3
"""Black-box tests of --admin-listen: health and metrics that do not depend on the traffic."""

import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from daemon import PIX2PIXD, Daemon, done, equal, make_model, ok, parse, read_all  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)


def start(*options):
    return Daemon('--admin-listen', '127.0.0.1:0', *options)


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
