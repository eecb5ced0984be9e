#!/usr/bin/python3
"""Black-box tests of pix2pixd with clients that mean harm, or leave: on the wire, byte by byte."""

import re
import socket
import sys
import time

sys.dont_write_bytecode = True
from daemon import Daemon, done, equal, make_model, make_picture, ok, parse, read_all, statuses  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)
make_model('slow', 'unet_128', 32, 3, 3, 3)
PICTURE = make_picture('a.png', 48, 40)
HEAD = b'POST /translate%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: %d\r\n%s\r\n'
POST = HEAD % (b'?model=colour', len(PICTURE), b'') + PICTURE
CLOSING = HEAD % (b'?model=colour', len(PICTURE), b'Connection: close\r\n') + PICTURE
BODIES = 'pix2pixd_memory_bytes{part="bodies"}'
NEXT = b'GET /models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'

daemon = Daemon()


# --- bodies that are only announced --------------------------------------------------------------
@ok('clients that announce large bodies and send a byte lock nobody out')
def _():
    clients = [daemon.connect() for _ in range(40)]
    for client in clients:
        client.sendall(HEAD % (b'', 20 << 20, b'') + b'.')
    equal(daemon.wait_for(BODIES, 40), 40)
    equal(statuses(daemon.send(POST, half_close=True)), [200])
    for client in clients:
        client.close()


@ok('and what they sent is given back when they are gone')
def _():
    equal(daemon.wait_for(BODIES, 0), 0)


# --- clients that leave --------------------------------------------------------------------------
def leave(data, count=300):
    """Opens connections that send something and close at once; how many descriptors stay open."""
    before = daemon.descriptors()
    for _ in range(count):
        with daemon.connect() as client:
            client.sendall(data)
    end = time.monotonic() + 2
    while daemon.descriptors() > before and time.monotonic() < end:
        time.sleep(0.05)
    return max(0, daemon.descriptors() - before)


@ok('clients that leave in the middle of a body are gone within two seconds')
def _():
    equal(leave(HEAD % (b'', 1000, b'') + b'.'), 0)


@ok('so are those that leave in the middle of a header')
def _():
    equal(leave(b'POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-'), 0)


@ok('and those that leave without a byte')
def _():
    equal(leave(b''), 0)


@ok('clients that only close their sending side get their answer')
def _():
    for _ in range(10):
        equal(statuses(daemon.send(POST, half_close=True)), [200])


@ok('also while many others leave')
def _():
    gone = []
    for _ in range(50):
        client = daemon.connect()
        client.sendall(HEAD % (b'', 1000, b'') + b'.')
        client.close()
        gone.append(client)
    for _ in range(10):
        equal(statuses(daemon.send(POST, half_close=True)), [200])


@ok('also if the answer takes seconds')
def _():
    large = make_picture('large.png', 1024, 1024)
    data = HEAD % (b'?model=slow&fit=image', len(large), b'') + large
    equal(statuses(daemon.send(data, half_close=True, timeout=120)), [200])


@ok('a client that leaves is logged with the 499 that it is counted with')
def _():
    name = 'pix2pixd_http_requests_total{route="/translate",code="499"}'
    before = daemon.metric(name)
    with daemon.connect() as client:
        client.sendall(HEAD % (b'?log=499', 1000, b'') + b'.')
    equal(daemon.wait_for(name, before + 1), before + 1)
    assert re.search(' method=POST path=/translate .*status=499 ', daemon.text())


def work(side):
    """A request that takes a while: seconds for a side of 2048."""
    picture = make_picture('%d.png' % side, side, side)
    return HEAD % (b'?model=slow&fit=image', len(picture), b'Connection: close\r\n') + picture


WORK, LONG_WORK = work(1024), work(2048)
DEPTH = 'pix2pixd_queue_depth'


@ok('the waiting work of clients that leave is dropped within a second')
def _():
    working = daemon.connect(120)
    working.sendall(LONG_WORK)
    equal(daemon.wait_for('pix2pixd_inflight{stage="infer"}', 1), 1)
    clients = [daemon.connect() for _ in range(8)]
    for client in clients:
        client.sendall(WORK)
    waiting = daemon.connect(120)  # only closes its sending side
    waiting.sendall(WORK)
    waiting.shutdown(socket.SHUT_WR)
    equal(daemon.wait_for(DEPTH, 9), 9)
    for client in clients:
        client.close()
    equal(daemon.wait_for(DEPTH, 1, 1), 1)
    equal(statuses(read_all(working)), [200])
    equal(statuses(read_all(waiting)), [200])
    working.close()
    waiting.close()


# --- framing -------------------------------------------------------------------------------------
def refused(data, pattern=''):
    """Exactly one answer, 400, and the connection is closed behind it."""
    answer = daemon.send(data, half_close=False, timeout=10)
    equal(statuses(answer), [400])
    assert b'\r\nConnection: close' in answer, answer
    assert pattern in answer.decode() or b'<html>' in answer, answer


FOLDED = [b'Content-Length:\r\n 36', b'Content-Length: 0\r\n 36', b'Content-Length: \r\n\t36',
          b'Transfer-Encoding:\r\n chunked\r\nContent-Length: 5', b'Transfer-Encoding: \r\n\tchunked',
          b'host:\r\n evil.example']


@ok('lengths, codings and hosts that are folded over two lines: 400, and nothing behind is read')
def _():
    for header in FOLDED:
        for method in b'POST /translate', b'GET /models':
            refused(method + b' HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n' + header +
                    b'\r\n\r\n' + NEXT)


@ok('a NUL in the path: 400, whatever it would hide')
def _():
    for path in '/metrics%00', '/metrics%00.css', '/%00/models', '/models%00?a=b':
        status, headers, body = daemon.get(path)
        equal((status, headers['content-type']), (400, 'application/problem+json'))
        assert b'NUL' in body, body
    equal(daemon.get('/models?a=%00')[0], 200)


@ok('a NUL in a field: 400')
def _():
    status, _, body = daemon.request('POST', '/translate?model=colour%00x', 'Content-Type: image/png',
                                     body=PICTURE)
    equal(status, 400)
    assert b'NUL' in body, body


@ok('2,000 query parameters: 400 that says how many')
def _():
    for path in '/translate', '/models':
        query = path + '?' + '&'.join('p%d=%d' % (i, i) for i in range(2000))
        status, headers, body = daemon.get(query) if path == '/models' else daemon.request(
            'POST', query, 'Content-Type: image/png', body=PICTURE)
        equal((status, headers['content-type']), (400, 'application/problem+json'))
        assert b'2000 query parameters' in body, body


@ok('20,000 ampersands: 400')
def _():
    equal(daemon.get('/models?' + '&' * 20000)[0], 400)


@ok('what libmicrohttpd refuses by itself is counted and logged')
def _():
    for code, request in ((400, b'GET /models HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n'),
                          (414, b'GET /' + b'x' * 70000 + b' HTTP/1.1\r\nHost: localhost\r\n\r\n'),
                          (431, b'GET /models HTTP/1.1\r\nHost: localhost\r\nX: ' + b'x' * 70000 + b'\r\n\r\n')):
        name = 'pix2pixd_http_requests_total{route="other",code="%d"}' % code
        before = daemon.metric(name) or 0
        assert daemon.send(request).startswith(b'HTTP/1.1 %d ' % code)
        equal(daemon.wait_for(name, before + 1), before + 1)
        assert 'refused by libmicrohttpd: %d' % code in daemon.text()


@ok('SIGTERM ends the daemon with 0')
def _():
    equal(daemon.stop(), 0)


# --- slow clients --------------------------------------------------------------------------------
daemon = Daemon('--max-body', '1MiB', '--request-memory', '1MiB', '--min-rate', '10KiB')


@ok('a client that sends most of its body and then stalls is ended, and its memory given back')
def _():
    with daemon.connect() as client:
        client.sendall(HEAD % (b'', 1 << 20, b'') + bytes(1000000))
        equal(daemon.wait_for(BODIES, 1000000), 1000000)
        start = time.monotonic()
        equal(read_all(client), b'')
        assert 4 < time.monotonic() - start < 15, time.monotonic() - start
    equal(daemon.wait_for(BODIES, 0), 0)
    equal(daemon.metric('pix2pixd_rejected_total{reason="slow"}'), 1)


@ok('one that is slow, but not below the least rate, is answered')
def _():
    with daemon.connect() as client:
        client.sendall(HEAD % (b'', 200000, b''))
        for _ in range(8):
            client.sendall(bytes(25000))
            time.sleep(1)
        equal(parse(client.recv(65536))[0], 422)


@ok('a chunked body over the limit gets its 413, whatever its size')
def _():
    chunk = b'%x\r\n%s\r\n' % (1 << 20, bytes(1 << 20))
    with daemon.connect() as client:
        client.sendall(b'POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n'
                       b'Transfer-Encoding: chunked\r\n\r\n')
        for _ in range(120):
            client.sendall(chunk)
        client.sendall(b'0\r\n\r\n')
        equal(parse(client.recv(65536))[0], 413)


daemon.stop()

# --- too many connections --------------------------------------------------------------------------
daemon = Daemon('--max-connections', '100')


def flood(data):
    """Twice as many connections as are allowed; health must answer throughout."""
    clients = []
    for _ in range(200):
        client = socket.socket()
        client.settimeout(5)
        client.connect(daemon.address)
        try:
            client.sendall(data)
        except ConnectionError:
            pass
        clients.append(client)
        if len(clients) % 20 == 0:
            equal(statuses(daemon.send(b'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n', timeout=5)), [200])
    equal(statuses(daemon.send(CLOSING, timeout=5)), [200])
    for client in clients:
        client.close()


@ok('health and good clients are answered next to twice as many idle connections as are allowed')
def _():
    flood(b'')


@ok('and next to as many half headers')
def _():
    flood(b'GET /models HTTP/1.1\r\nHost: localhost\r\nX: ')


@ok('and next to as many half bodies')
def _():
    flood(HEAD % (b'', 1000, b'') + b'.')


@ok('the connections that were ended for others are counted')
def _():
    time.sleep(0.3)
    found = daemon.metric('pix2pixd_rejected_total{reason="connections"}')
    assert found >= 100, found


@ok('a request that is being computed is not ended for others')
def _():
    large = make_picture('large.png', 1024, 1024)
    with daemon.connect(120) as client:
        client.sendall(HEAD % (b'?model=slow&fit=image', len(large), b'Connection: close\r\n') + large)
        equal(daemon.wait_for('pix2pixd_inflight{stage="infer"}', 1), 1)
        others = [daemon.connect() for _ in range(150)]
        equal(statuses(read_all(client)), [200])
        for other in others:
            other.close()


daemon.stop()
done()
