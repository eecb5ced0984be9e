#!/usr/bin/python3
"""Black-box tests of the log's lines for requests: both formats, clients behind proxies, forgery."""

import json
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from daemon import PIX2PIXD, Daemon, done, equal, make_model, make_picture, ok  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)
PNG = make_picture('in.png', 32, 32)


def lines(daemon, count, wanted):
    """The log's lines that contain `wanted`, once there are so many: they follow the answers."""
    end = time.monotonic() + 10
    while True:
        found = [line for line in daemon.text().split('\n') if wanted in line]
        if len(found) >= count or time.monotonic() > end:
            equal(len(found), count)
            return found
        time.sleep(0.02)


def access(daemon, identity):
    """The one JSON line about the request of that id."""
    return json.loads(lines(daemon, 1, '"id":"%s"' % identity)[0])


def translate(daemon, *headers):
    return daemon.request('POST', '/translate', 'Content-Type: image/png', *headers, body=PNG)


plain = Daemon('--log-format', 'json')
trusting = Daemon('--log-format', 'json', '--trusted-proxy', '127.0.0.0/8', '--trusted-proxy', '2001:db8::1')


@ok('with --log-format json every line is an object with time, level and message')
def _():
    plain.get('/models', 'X-Request-Id: first')
    access(plain, 'first')
    text = plain.text()
    assert text.endswith('\n'), text
    for line in text.splitlines():
        entry = json.loads(line)
        equal(list(entry)[:3], ['time', 'level', 'message'])
        assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', entry['time']), line


@ok('a translation has one, with its model, status, bytes and the times of its stages')
def _():
    status, headers, body = translate(plain, 'X-Request-Id: picture')
    equal(status, 200)
    entry = access(plain, 'picture')
    equal({key: entry[key] for key in ('level', 'message', 'client', 'method', 'path', 'route', 'model',
                                       'status', 'bytes')},
          {'level': 'info', 'message': 'request', 'client': '127.0.0.1', 'method': 'POST',
           'path': '/translate', 'route': '/translate', 'model': 'colour', 'status': 200,
           'bytes': len(body)})
    told = {name: float(ms) for name, ms in re.findall(r'(\w+);dur=([\d.]+)', headers['server-timing'])}
    for name, ms in told.items():
        assert abs(entry[name + '_ms'] - ms) <= 0.051, (name, entry, told)
    assert entry['ms'] >= entry['infer_ms'] > 0, entry


@ok('what was refused before the queue has a line without model and stages')
def _():
    equal(translate(plain, 'X-Request-Id: refused', 'Content-Encoding: br')[0], 415)
    entry = access(plain, 'refused')
    equal((entry['status'], 'model' in entry, 'infer_ms' in entry), (415, False, False))


@ok('the route of an unknown path is "other", and its path stands in the line')
def _():
    plain.get('/no%20such', 'X-Request-Id: unknown')
    entry = access(plain, 'unknown')
    equal((entry['route'], entry['path'], entry['status']), ('other', '/no such', 404))


@ok('a path can neither end its string nor begin a line, with quotes, controls or bad UTF-8')
def _():
    forged = '%22,%22status%22:200,%22x%22:%22%5C%0A%0D%7B%22message%22:%22request%22%7D%7F%C2%9B%E2%80%A8%FF'
    plain.get('/' + forged, 'X-Request-Id: forged')
    entry = access(plain, 'forged')
    equal((entry['status'], entry['path']),
          (404, '/","status":200,"x":"\\??{"message":"request"}????'))


@ok('without --trusted-proxy, X-Forwarded-For is ignored')
def _():
    plain.get('/models', 'X-Request-Id: claim', 'X-Forwarded-For: 192.0.2.7')
    entry = access(plain, 'claim')
    equal((entry['client'], 'proxy' in entry), ('127.0.0.1', False))


CLAIMS = {  # X-Forwarded-For of a trusted proxy -> the client
    'one': (['192.0.2.7'], '192.0.2.7'),
    'claimed-before': (['8.8.8.8, 192.0.2.7'], '192.0.2.7'),
    'two-headers': (['8.8.8.8', '192.0.2.7'], '192.0.2.7'),
    'more-proxies': (['8.8.8.8, 192.0.2.7,127.0.0.9 , 2001:DB8::1'], '192.0.2.7'),
    'all-trusted': (['127.0.0.5, 127.0.0.9'], '127.0.0.5'),
    'six': (['2001:0db8:0::2'], '2001:db8::2'),
    'mapped': (['::ffff:192.0.2.7'], '192.0.2.7'),
    'junk-before': (['x"y, 192.0.2.7'], '192.0.2.7'),
}
for name, (headers, client) in CLAIMS.items():
    @ok('a trusted proxy names the client: ' + name)
    def _(name=name, headers=headers, client=client):
        trusting.get('/models', 'X-Request-Id: ' + name, *['X-Forwarded-For: ' + h for h in headers])
        entry = access(trusting, name)
        equal((entry['client'], entry['proxy']), (client, '127.0.0.1'))


for name, header in {'junk': '192.0.2.7, unknown', 'long': '1' * 200, 'empty': ' , '}.items():
    @ok('what is not an address leaves the connection\'s: ' + name)
    def _(name=name, header=header):
        trusting.get('/models', 'X-Request-Id: ' + name, 'X-Forwarded-For: ' + header)
        entry = access(trusting, name)
        equal((entry['client'], 'proxy' in entry), ('127.0.0.1', False))


@ok('health and metrics are logged at level debug')
def _():
    plain.get('/readyz', 'X-Request-Id: ready')
    equal(access(plain, 'ready')['level'], 'debug')


@ok('the text format has the same fields, and quotes what could be taken for one')
def _():
    daemon = Daemon()
    equal(translate(daemon, 'X-Request-Id: picture')[0], 200)
    line = lines(daemon, 1, 'id=picture')[0]
    assert re.fullmatch(r'\S+Z info request id=picture client=127\.0\.0\.1 method=POST path=/translate '
                        r'route=/translate model=colour status=200 bytes=\d+ ms=[\d.]+ queue_ms=[\d.]+ '
                        r'decode_ms=[\d.]+ infer_ms=[\d.]+ encode_ms=[\d.]+', line), line
    daemon.get('/x%20status=200%22%0A%20', 'X-Request-Id: forged')
    line = lines(daemon, 1, 'id=forged')[0]
    assert r' path="/x status=200\"? " route=other status=404 ' in line, line
    equal(daemon.stop(), 0)


def refused(item):
    run = subprocess.run([PIX2PIXD, '--trusted-proxy', item, '--print-config'], capture_output=True, text=True)
    equal((run.returncode, run.stdout), (2, ''))
    return run.stderr


@ok('a --trusted-proxy that is neither an address nor a network is refused and named')
def _():
    for item in ('proxy.example', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '::/129', '10.0.0/8', '1.2.3.4/8x'):
        assert "--trusted-proxy '%s' is not an IP address" % item in refused(item), item


equal(plain.stop(), 0)
equal(trusting.stop(), 0)
done()
