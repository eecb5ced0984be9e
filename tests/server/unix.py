#!/usr/bin/python3
"""Black-box tests of unix sockets: listening, health checks, proxies in front, what is left behind."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from daemon import (FOLDER, PIX2PIXD, Daemon, done, equal, make_model, make_picture, ok, parse,  # noqa: E402
                    read_all, statuses)

os.chmod(FOLDER, 0o777)  # the daemon removes its sockets as nobody, if root runs this test
make_model('colour', 'unet_32', 4, 3, 3, 1)
PNG = make_picture('in.png', 32, 32)
PATH = FOLDER + '/socket'


def ask(path, request, *headers, body=b'', host='localhost'):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(path)
        lines = [request + ' HTTP/1.1', 'Host: ' + host, 'Connection: close', 'Content-Length: %d' % len(body), *headers]
        client.sendall('\r\n'.join(lines).encode() + b'\r\n\r\n' + body)
        return parse(read_all(client))


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def health(*arguments):
    return subprocess.run([PIX2PIXD, '--health', *arguments], capture_output=True, text=True, timeout=20)


def refused(wanted, *options):
    run = subprocess.run([PIX2PIXD, '--models', 'models', '--log-level', 'error', *options],
                         capture_output=True, text=True, timeout=30)
    equal((run.returncode, run.stderr.count('\n'), run.stdout), (wanted, 1, ''))
    return run.stderr


def start(*options, listen=(), log=True):
    """A daemon whose first address is a free port; what it prints behind that is in .urls."""
    daemon = Daemon(*options, listen=('127.0.0.1:0',) + tuple(listen))
    daemon.more_urls(len(listen))
    return daemon


daemon = start('--log-format', 'json', '--trusted-proxy', 'unix', '--admin-listen', 'unix:%s.admin' % PATH,
               '--admin-listen', '127.0.0.1:0', listen=('unix:' + PATH, 'unix:%s.all,mode=0666' % PATH))


@ok('it is listened on next to ports, and printed')
def _():
    equal(daemon.urls[1:], ['unix:' + PATH, 'unix:%s.all' % PATH])
    for path in PATH, PATH + '.all':
        equal(ask(path, 'POST /translate', 'Content-Type: image/png', body=PNG)[0], 200)
    equal(daemon.get('/readyz')[0], 200)


@ok('its owner and group may connect, or whom the mode says')
def _():
    equal([mode(PATH), mode(PATH + '.all'), mode(PATH + '.admin')], [0o660, 0o666, 0o660])


@ok('several --admin-listen are answered, on unix sockets, too')
def _():
    equal(ask(PATH + '.admin', 'GET /metrics')[0], 200)
    equal(ask(PATH + '.admin', 'GET /models')[0], 404)
    urls = re.findall(r'health and metrics on ([^ "]+)', daemon.text())
    equal(urls[0], 'unix:%s.admin' % PATH)
    equal(health(urls[1]).returncode, 0)


@ok('--health reaches it: as URL, as --listen and as --admin-listen')
def _():
    equal(health('unix:' + PATH).returncode, 0)
    equal(health('--listen', 'unix:' + PATH).returncode, 0)
    equal(health('--admin-listen', 'unix:%s.admin' % PATH).returncode, 0)
    run = health('unix:%s.none' % PATH)
    equal(run.returncode, 1)
    assert PATH + '.none' in run.stderr, run.stderr


@ok('a proxy may pass the name of the site through it, which loopback addresses refuse')
def _():
    equal(ask(PATH, 'GET /models', host='pictures.example')[0], 200)
    equal(daemon.request('GET', '/models', 'Host: pictures.example')[0], 403)


@ok('with --trusted-proxy unix the client of X-Forwarded-For is logged; that of a port is not believed')
def _():
    ask(PATH, 'GET /models', 'X-Forwarded-For: 192.0.2.7', 'X-Request-Id: behind')
    daemon.get('/models', 'X-Forwarded-For: 192.0.2.7', 'X-Request-Id: direct')
    end = time.monotonic() + 10
    while '"id":"direct"' not in daemon.text() and time.monotonic() < end:
        time.sleep(0.02)
    found = {}
    for line in daemon.text().splitlines():
        entry = json.loads(line)
        found[entry.get('id')] = entry
    equal((found['behind']['client'], found['behind']['proxy']), ('192.0.2.7', 'unix'))
    equal((found['direct']['client'], 'proxy' in found['direct']), ('127.0.0.1', False))


@ok('a client that leaves is noticed, and one that is slow is ended')
def _():
    slow = start('--request-timeout', '1', listen=('unix:%s.slow' % PATH,))
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(PATH + '.slow')
        client.sendall(b'POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n.')
        equal(statuses(read_all(client)), [])
    equal(slow.wait_for('pix2pixd_rejected_total{reason="slow"}', 1), 1)
    equal(slow.stop(), 0)


@ok('a second daemon does not take it, nor remove it')
def _():
    assert 'another daemon has it' in refused(1, '--listen', 'unix:' + PATH)
    equal(ask(PATH, 'GET /readyz')[0], 200)


@ok('nor from a program that listens without a lock')
def _():
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(PATH + '.other')
        other.listen()
        assert 'another process listens there' in refused(1, '--listen', 'unix:%s.other' % PATH)
        assert os.path.exists(PATH + '.other')


@ok('a file that is not a socket is left alone')
def _():
    with open(PATH + '.file', 'w') as file:
        file.write('mine')
    assert 'not a socket' in refused(1, '--listen', 'unix:%s.file' % PATH)
    equal(open(PATH + '.file').read(), 'mine')


@ok('after SIGTERM nothing is left of them')
def _():
    equal(daemon.stop(), 0)
    equal([name for name in os.listdir(FOLDER) if name.startswith('socket') and name[6:] not in ('.other', '.file')], [])


@ok('what a killed daemon left is replaced')
def _():
    killed = start(listen=('unix:' + PATH,))
    killed.process.kill()
    killed.process.wait()
    assert os.path.exists(PATH)
    again = start(listen=('unix:' + PATH,))
    equal(ask(PATH, 'GET /readyz')[0], 200)
    equal(again.stop(), 0)
    assert not os.path.exists(PATH)


@ok("if its path was given to another socket meanwhile, that one is not removed")
def _():
    daemon = start(listen=('unix:' + PATH,))
    os.remove(PATH)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(PATH)
        equal(daemon.stop(), 0)
        assert os.path.exists(PATH)
    os.remove(PATH)


@ok('two daemons that race for it: one serves, the other names it and ends with 1')
def _():
    options = [PIX2PIXD, '--models', 'models', '--workers', '1', '--drain-delay', '0', '--listen', 'unix:%s.race' % PATH]
    for _ in range(5):
        both = [subprocess.Popen(options, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(2)]
        first = [process.stdout.readline() for process in both]
        equal(sorted(map(bool, first)), [False, True])
        for process in both:
            process.terminate()
        equal(sorted(process.wait(30) for process in both), [0, 1])


@ok('a path that is too long or empty, and a mode that is not octal, end with 2')
def _():
    for text in 'unix:', 'unix:/' + 'x' * 200, 'unix:/tmp/x,mode=0888', 'unix:/tmp/x,mode=', 'unix:/tmp/x,mode=7777':
        for option in '--listen', '--admin-listen':
            assert option in refused(2, option, text)


@ok('a folder that is not there ends with 1')
def _():
    assert 'No such file' in refused(1, '--listen', 'unix:%s/none/socket' % FOLDER)


# --- --health gives up -----------------------------------------------------------------------------
def gives_up(url):
    start_time = time.monotonic()
    run = health(url)
    equal(run.returncode, 1)
    assert 'within 3 s' in run.stderr, run.stderr
    assert 2 < time.monotonic() - start_time < 10, time.monotonic() - start_time  # starting takes time, too


@ok('--health gives up after three seconds in total: with a daemon that does not accept, or answers drop by drop')
def _():
    with socket.socket() as deaf:
        deaf.bind(('127.0.0.1', 0))
        deaf.listen()
        gives_up('http://127.0.0.1:%d' % deaf.getsockname()[1])
        program = 'import socket,sys,time\ns=socket.socket(fileno=%d)\nc=s.accept()[0]\nc=s.accept()[0]\nwhile True:\n c.sendall(b"H")\n time.sleep(.2)'
        drips = subprocess.Popen([sys.executable, '-c', program % deaf.fileno()], pass_fds=[deaf.fileno()],
                                 stderr=subprocess.DEVNULL)
        try:
            gives_up('http://127.0.0.1:%d' % deaf.getsockname()[1])
        finally:
            drips.kill()
            drips.wait()


done()
