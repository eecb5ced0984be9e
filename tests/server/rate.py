#!/usr/bin/python3
"""Black-box tests of --rate-limit, and of whose requests count together."""

import os
import json
import math
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from daemon import PIX2PIXD, Daemon, done, equal, make_model, make_picture, ok  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)
PNG = make_picture('in.png', 32, 32)
FIELDS = 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'
ORIGIN = 'https://pictures.example'


def translate(daemon, *headers, path='/translate'):
    return daemon.request('POST', path, 'Content-Type: image/png', *headers, body=PNG)


def fields(headers):
    return tuple(int(headers[name]) for name in FIELDS)


def forwarded(address):
    return 'X-Forwarded-For: ' + address


daemon = Daemon('--rate-limit', '4/min', '--trusted-proxy', '127.0.0.1', '--allow-origin', ORIGIN)


@ok('answers say how many pictures are left, and when there will be all again')
def _():
    start = time.monotonic()
    for i in range(4):
        status, headers, _ = translate(daemon, forwarded('192.0.2.1'))
        limit, remaining, reset = fields(headers)
        equal((status, limit, remaining), (200, 4, 3 - i))
        full = 15 * (i + 1)
        assert math.ceil(full - (time.monotonic() - start)) <= reset <= full, headers
        assert 'retry-after' not in headers


@ok('one picture more gets 429 with Retry-After, as a problem')
def _():
    status, headers, body = translate(daemon, forwarded('192.0.2.1'))
    equal((status, headers['content-type']), (429, 'application/problem+json'))
    equal(fields(headers)[:2], (4, 0))
    assert 1 <= int(headers['retry-after']) <= 15 <= int(headers['ratelimit-reset']) <= 60, headers
    problem = json.loads(body)
    equal((problem['status'], problem['title']), (429, 'Too many requests'))
    assert '4/min' in problem['detail'], problem


@ok('other addresses are not affected')
def _():
    equal(translate(daemon, forwarded('192.0.2.2'))[0], 200)


@ok('the 64 bits of an IPv6 network count together, and those of another do not')
def _():
    statuses = [translate(daemon, forwarded('2001:db8:0:1::%d' % i))[0] for i in range(5)]
    equal(statuses, [200] * 4 + [429])
    equal(translate(daemon, forwarded('2001:db8:0:2::1'))[0], 200)


@ok('an IPv4 address is the same as in IPv6 clothes')
def _():
    statuses = [translate(daemon, forwarded(address))[0] for address in ('192.0.2.9', '::ffff:192.0.2.9') * 3]
    equal(statuses, [200] * 4 + [429] * 2)


@ok('every way to send a picture counts, and nothing else')
def _():
    client = forwarded('192.0.2.3')
    for path in '/translate', '/v1/images/edits', '/v2/models/colour/infer', '/v2/models/colour/versions/1/infer':
        assert translate(daemon, client, path=path)[0] not in (429, 404)
    equal(translate(daemon, client)[0], 429)
    for path in '/models', '/readyz', '/metrics', '/', '/v2':
        status, headers, _ = daemon.get(path, client)
        equal((status, 'ratelimit-limit' in headers), (200, False))


@ok('web pages of other origins may read the fields')
def _():
    headers = translate(daemon, forwarded('192.0.2.4'), 'Origin: ' + ORIGIN)[1]
    exposed = headers['access-control-expose-headers']
    for name in 'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset', 'Retry-After':
        assert name in exposed, exposed


@ok('refusals are counted')
def _():
    before = daemon.metric('pix2pixd_rejected_total{reason="rate"}')
    assert before >= 4, before
    equal(translate(daemon, forwarded('192.0.2.1'))[0], 429)
    equal(daemon.metric('pix2pixd_rejected_total{reason="rate"}'), before + 1)
    assert daemon.metric('pix2pixd_http_requests_total{route="/translate",code="429"}') > before


@ok('X-Forwarded-For of anyone else does not help')
def _():
    plain = Daemon('--rate-limit', '2/h')
    equal([translate(plain, forwarded('192.0.2.%d' % i))[0] for i in range(3)], [200, 200, 429])
    equal(plain.stop(), 0)


@ok('with --api-keys each name has its own limit, whatever the address')
def _():
    with open('keys', 'w') as file:
        file.write('alice:%s\nalice:%s\nbob:%s\n' % ('a' * 20, 'b' * 20, 'c' * 20))
    keys = Daemon('--rate-limit', '2/h', '--api-keys', 'keys', '--trusted-proxy', '127.0.0.1')
    sent = [translate(keys, 'Authorization: Bearer ' + key * 20, forwarded('192.0.2.%d' % i))[0]
            for i, key in enumerate('abacc')]
    equal(sent, [200, 200, 429, 200, 200])
    equal(translate(keys)[0], 401)
    equal(keys.stop(), 0)


@ok('tokens come back evenly: 20/s lets about 20 a second through')
def _():
    fast = Daemon('--rate-limit', '20/s')
    start, passed = time.monotonic(), 0
    while time.monotonic() - start < 2:
        passed += translate(fast)[0] == 200
    elapsed = time.monotonic() - start
    assert passed <= 20 + 20 * elapsed + 1, (passed, elapsed)
    time.sleep(0.11)
    equal(translate(fast)[0], 200)
    equal(fast.stop(), 0)


@ok('many addresses do not make it grow')
def _():
    def resident():
        with open('/proc/%d/statm' % daemon.process.pid) as file:
            return int(file.read().split()[1]) * 4096
    translate(daemon, forwarded('198.51.100.1'))
    before = resident()
    with daemon.connect() as client:
        for i in range(30000):
            client.sendall(b'POST /translate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n'
                           b'X-Forwarded-For: 10.%d.%d.1\r\n\r\n' % (i >> 8, i & 255))
            head = b''
            while b'\r\n\r\n' not in head:
                head += client.recv(65536)
            length = int(head.split(b'Content-Length: ')[1].split(b'\r')[0])
            body = head.split(b'\r\n\r\n', 1)[1]
            while len(body) < length:
                body += client.recv(65536)
    if 'ASAN_OPTIONS' not in os.environ:  # a sanitizer keeps much more
        assert resident() - before < 2 << 20, resident() - before


@ok('a text that is not a rate ends with 2')
def _():
    for text in '0', '-1/s', '5/d', 'many', '10/', '1.5/s', '2000000/s', '99999999999999999999':
        run = subprocess.run([PIX2PIXD, '--models', 'models', '--listen', '127.0.0.1:0', '--rate-limit=' + text],
                             capture_output=True, text=True, timeout=30)
        equal((run.returncode, run.stdout), (2, ''))
        assert '--rate-limit' in run.stderr and text in run.stderr, run.stderr


done()
