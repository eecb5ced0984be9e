#!/usr/bin/python3
"""Black-box tests of the addresses that pix2pixd listens on."""

import socket
import subprocess
import sys
import urllib.request

sys.dont_write_bytecode = True
from daemon import PIX2PIXD, Daemon, done, equal, make_model, ok, skip  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)


def healthy(url):
    with urllib.request.urlopen(url + '/healthz', timeout=5) as answer:
        return answer.status == 200


def refused(wanted, *options):
    """The status and the one line of a daemon that does not start."""
    run = subprocess.run([PIX2PIXD, '--models', 'models', '--log-level', 'error', *options],
                         capture_output=True, text=True, timeout=30)
    equal((run.returncode, run.stderr.count('\n'), run.stdout), (wanted, 1, ''))
    return run.stderr


@ok('several --listen are all listened on and printed, a line each')
def _():
    daemon = Daemon(listen=('127.0.0.1:0', '127.0.0.2:0', '127.0.0.1:0'))
    urls = daemon.more_urls(2)
    equal(len(set(urls)), 3)
    equal(urls[1][:17], 'http://127.0.0.2:')
    for url in urls:
        assert healthy(url)
    equal(daemon.stop(), 0)


@ok('and after SIGTERM none of them is')
def _():
    daemon = Daemon(listen=('127.0.0.1:0', '127.0.0.2:0'))
    urls = daemon.more_urls(1)
    equal(daemon.stop(), 0)
    for url in urls:
        host, port = url[7:].split(':')
        client = socket.socket()
        equal(client.connect_ex((host, int(port))), 111)


@ok('if one address is taken the daemon does not start, and names it')
def _():
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        address = '127.0.0.1:%d' % taken.getsockname()[1]
        assert address in refused(1, '--listen', '127.0.0.1:0', '--listen', address)


@ok('an address that is not one ends with 2, wherever it is in the list')
def _():
    assert "'127.0.0.1'" in refused(2, '--listen', '127.0.0.1:0', '--listen', '127.0.0.1')


@ok('so does an empty list, and more than sixteen addresses')
def _():
    assert '--listen is empty' in refused(2, '--listen=')
    assert 'more than 16' in refused(2, *['--listen=127.0.0.1:0'] * 17)


@ok('a variable takes several addresses')
def _():
    run = subprocess.run([PIX2PIXD, '--print-config'], capture_output=True, text=True,
                         env={'PIX2PIXD_LISTEN': '127.0.0.1:1,[::1]:2'})
    assert '"127.0.0.1:1"' in run.stdout and '"[::1]:2"' in run.stdout, run.stdout


def has_both():
    try:
        with socket.socket(socket.AF_INET6) as six:
            six.bind(('::1', 0))
        return True
    except OSError:
        return False


BOTH = 'localhost:0 listens on both loopback addresses, on one port'
if has_both():
    @ok(BOTH)
    def _():
        daemon = Daemon(listen=('localhost:0',))
        urls = daemon.more_urls(1)
        equal({url.rsplit(':', 1)[0] for url in urls}, {'http://127.0.0.1', 'http://[::1]'})
        equal(len({url.rsplit(':', 1)[1] for url in urls}), 1)
        for url in urls:
            assert healthy(url)
        equal(daemon.stop(), 0)
else:
    skip(BOTH, 'this machine has no ::1')


@ok('localhost:0 listens on 127.0.0.1 and prints that first')
def _():
    daemon = Daemon(listen=('localhost:0',))
    equal(daemon.url[:17], 'http://127.0.0.1:')
    assert healthy(daemon.url)
    equal(daemon.stop(), 0)


done()
