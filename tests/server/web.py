#!/usr/bin/python3
"""Black-box tests of what web pages may do, and of the headers that browsers and tools read."""

import gzip
import json
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from daemon import PIX2PIXD, Daemon, done, equal, make_model, make_picture, ok  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)
make_model('größe "x"', 'unet_32', 4, 3, 3, 1)
PICTURE = make_picture('a.png', 48, 40)
PNG = 'Content-Type: image/png'
LISTED, FOREIGN = 'https://pictures.example', 'https://evil.example'
daemon = Daemon('--default-model', 'colour', '--allow-origin', LISTED, '--allow-origin', 'http://127.0.0.1:3000')


def post(path, *headers, body=PICTURE):
    return daemon.request('POST', path, *headers, body=body)


def values(headers, name):
    return {value.strip() for value in headers.get(name, '').split(',')}


# --- other origins -------------------------------------------------------------------------------
@ok('a listed origin may read answers of every status')
def _():
    answers = {200: post('/translate', PNG, 'Origin: ' + LISTED),
               422: post('/translate', PNG, 'Origin: ' + LISTED, body=b'x'),
               415: post('/translate', 'Origin: ' + LISTED),
               404: daemon.get('/nothing', 'Origin: ' + LISTED),
               405: post('/models', 'Origin: ' + LISTED, body=b'')}
    answers[200.5] = daemon.get('/models', 'Origin: ' + LISTED)
    for wanted, (status, headers, _) in answers.items():
        equal((status, headers['access-control-allow-origin']), (int(wanted), LISTED))
        assert 'Origin' in values(headers, 'vary'), headers
        exposed = values(headers, 'access-control-expose-headers')
        assert {'Retry-After', 'Server-Timing', 'X-Request-Id'} <= exposed, exposed
        equal(headers['timing-allow-origin'], LISTED)
        assert 'access-control-allow-credentials' not in headers


@ok('its preflight is answered with what it may send, and for how long')
def _():
    for path, method in ('/translate', 'POST'), ('/models', 'GET'):
        status, headers, body = daemon.request(
            'OPTIONS', path, 'Origin: ' + LISTED, 'Access-Control-Request-Method: ' + method,
            'Access-Control-Request-Headers: content-type')
        equal((status, body), (204, b''))
        equal(headers['access-control-allow-origin'], LISTED)
        assert method in values(headers, 'access-control-allow-methods')
        assert {'Content-Type', 'Authorization', '*'} <= values(headers, 'access-control-allow-headers')
        equal(headers['access-control-max-age'], '600')
        assert values(headers, 'vary') >= {'Origin', 'Access-Control-Request-Method',
                                           'Access-Control-Request-Headers'}
        assert 'access-control-allow-credentials' not in headers


@ok('a foreign origin is told nothing, in its preflight and in answers')
def _():
    for status, headers, _ in (daemon.request('OPTIONS', '/translate', 'Origin: ' + FOREIGN,
                                              'Access-Control-Request-Method: POST'),
                               daemon.get('/models', 'Origin: ' + FOREIGN),
                               post('/translate', PNG, 'Origin: ' + FOREIGN)):
        assert not [name for name in headers if name.startswith('access-control')], headers
        assert 'Origin' in values(headers, 'vary'), headers


@ok('its POST is refused before the body is read, with what would allow it')
def _():
    inferred = 'pix2pixd_stage_duration_seconds_count{stage="decode"}'
    before = daemon.metric(inferred)
    for origin in FOREIGN, 'null', 'http://127.0.0.1:3001', LISTED + ':8443', LISTED.upper(), 'x':
        with daemon.connect(5) as client:  # a megabyte is announced and not sent
            client.sendall(b'POST /translate HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: image/png\r\n'
                           b'Origin: %s\r\nContent-Length: 1000000\r\n\r\n'
                           % (daemon.address[0].encode(), daemon.address[1], origin.encode()))
            answer = client.recv(65536)
        assert answer.startswith(b'HTTP/1.1 403 '), answer
        assert b'--allow-origin ' + origin.encode() in answer, answer
    equal(daemon.metric(inferred), before)


@ok("the daemon's own page may post, also through a proxy with TLS")
def _():
    host = '%s:%d' % daemon.address
    for origin, header in ((f'http://{host}', host), (f'https://{host}', host),
                           ('https://localhost', 'localhost'), ('http://LOCALHOST', 'localhost:80')):
        status, headers, _ = post('/translate', PNG, f'Origin: {origin}', f'Host: {header}')
        equal(status, 200)
        assert 'access-control-allow-origin' not in headers
    equal(post('/translate', PNG)[0], 200)


@ok('--allow-origin * allows all, and is warned about')
def _():
    other = Daemon('--allow-origin', '*')
    status, headers, _ = other.request('POST', '/translate', PNG, 'Origin: ' + FOREIGN, body=PICTURE)
    equal((status, headers['access-control-allow-origin']), (200, '*'))
    assert re.search('warning .*--allow-origin', other.text())
    equal(other.stop(), 0)


@ok('without --allow-origin answers do not vary by origin')
def _():
    other = Daemon()
    headers = other.get('/models', 'Origin: ' + FOREIGN)[1]
    assert 'vary' not in headers, headers
    equal(other.stop(), 0)


@ok('what is not an origin or a host name ends with 2')
def _():
    for option in ('--allow-origin=https://a.example/', '--allow-origin=a.example', '--allow-origin=null',
                   '--allow-origin=https://A.example', '--allow-host=http://a', '--allow-host=a:80'):
        run = subprocess.run([PIX2PIXD, '--check-config', option], capture_output=True, text=True)
        equal((run.returncode, run.stderr.count('\n')), (2, 1))
        assert option.split('=')[0] in run.stderr, run.stderr
    run = subprocess.run([PIX2PIXD, '--check-config', '--allow-origin=*', '--allow-origin=http://a'],
                         capture_output=True)
    equal(run.returncode, 2)


# --- other hosts ---------------------------------------------------------------------------------
@ok('on loopback other host names are refused: 403 with what would allow them')
def _():
    for host in 'evil.example', 'evil.example:8080', 'localhost.evil.example', '127.0.0.1.evil.example':
        for status, _, body in (daemon.get('/models', 'Host: ' + host), daemon.get('/', 'Host: ' + host),
                                post('/translate', PNG, 'Host: ' + host)):
            equal(status, 403)
            assert ('--allow-host ' + host).encode() in body, body


@ok('IP addresses and localhost are not, with any port or none')
def _():
    for host in 'localhost', 'LocalHost:1', '127.0.0.1', '127.0.0.1:9', '[::1]', '[::1]:80', '10.1.2.3':
        equal(daemon.get('/models', 'Host: ' + host)[0], 200)
    equal(daemon.send(b'GET /models HTTP/1.0\r\n\r\n')[:12], b'HTTP/1.1 200')


@ok('nor is what --allow-host names')
def _():
    other = Daemon('--allow-host', 'pictures.example', '--allow-host', 'b.example')
    equal(other.get('/models', 'Host: Pictures.example:8080')[0], 200)
    equal(other.get('/models', 'Host: b.example')[0], 200)
    equal(other.get('/models', 'Host: c.example')[0], 403)
    equal(other.stop(), 0)
    other = Daemon('--allow-host', '*')
    equal(other.get('/models', 'Host: c.example')[0], 200)
    equal(other.stop(), 0)


@ok('a daemon that other machines can reach takes every host')
def _():
    other = Daemon(listen=('0.0.0.0:0',))
    equal(other.get('/models', 'Host: pictures.example')[0], 200)
    equal(other.stop(), 0)


# --- names and times -----------------------------------------------------------------------------
@ok('X-Request-Id is taken, and is in the answer, the JSON and the log')
def _():
    status, headers, body = post('/translate', PNG, 'X-Request-Id: Try_1-a', 'Accept: application/json')
    answer = json.loads(body)
    equal((status, headers['x-request-id'], answer['id'], answer['mime']),
          (200, 'Try_1-a', 'Try_1-a', 'image/png'))
    assert ' id=Try_1-a ' in daemon.text()


@ok('and in problem documents')
def _():
    _, headers, body = daemon.get('/nothing', 'X-Request-Id: Try_2')
    equal((headers['x-request-id'], json.loads(body)['id']), ('Try_2', 'Try_2'))


@ok('one that is missing, too long or has other characters is made instead')
def _():
    seen = set()
    for given in None, '', 'a b', 'a"b', 'x' * 65, 'é':
        headers = daemon.get('/models', *([] if given is None else ['X-Request-Id: ' + given]))[1]
        assert re.fullmatch('[0-9a-f]{16}', headers['x-request-id']), headers
        seen.add(headers['x-request-id'])
    equal(len(seen), 6)
    equal(daemon.get('/models', 'X-Request-Id: ' + 'x' * 64)[1]['x-request-id'], 'x' * 64)


@ok('a translation has its times in Server-Timing')
def _():
    for accept in 'image/*', 'application/json':
        timing = post('/translate', PNG, 'Accept: ' + accept)[1]['server-timing']
        assert re.fullmatch(r'queue;dur=[\d.]+, decode;dur=[\d.]+, infer;dur=[\d.]+, encode;dur=[\d.]+',
                            timing), timing


@ok('a picture has the name that it is to be saved under')
def _():
    equal(post('/translate', PNG)[1]['content-disposition'], 'inline; filename="colour.png"')
    equal(post('/translate?format=jpeg', PNG)[1]['content-disposition'], 'inline; filename="colour.jpg"')
    equal(post('/translate?model=gr%C3%B6%C3%9Fe%20%22x%22', PNG)[1]['content-disposition'],
          'inline; filename="gr____e _x_.png"; filename*=UTF-8\'\'gr%C3%B6%C3%9Fe%20%22x%22.png')
    for headers in post('/translate', PNG, 'Accept: application/json')[1], daemon.get('/models')[1]:
        assert 'content-disposition' not in headers


# --- methods -------------------------------------------------------------------------------------
PATHS = {path.replace('{model}', 'colour').replace('{version}', '1'): set(methods)
         for path, methods in json.loads(daemon.get('/openapi.json')[2])['paths'].items()}
GETS = [path for path, methods in PATHS.items() if methods == {'get'}] + ['/', '/app.js', '/style.css', '/api.html']
POSTS = [path for path, methods in PATHS.items() if methods == {'post'}]
equal(len(GETS) + len(POSTS), len(PATHS) + 4)


@ok('HEAD has the headers of GET on every path, and no body')
def _():
    for path in GETS:
        status, headers, body = daemon.request('HEAD', path)
        equal((status, body), (200, b''))
        assert int(headers['content-length']) > 0
        equal(headers['content-type'], daemon.get(path)[1]['content-type'])


@ok('OPTIONS has 204 and Allow on every path, 404 elsewhere')
def _():
    for path in GETS:
        status, headers, body = daemon.request('OPTIONS', path)
        equal((status, headers['allow'], body), (204, 'GET, HEAD, OPTIONS', b''))
    for path in POSTS:
        status, headers, body = daemon.request('OPTIONS', path)
        equal((status, headers['allow'], body), (204, 'POST, OPTIONS', b''))
    status, headers, body = daemon.request('OPTIONS', '*')
    equal((status, headers['allow'], body), (204, 'GET, HEAD, POST, OPTIONS', b''))
    equal(daemon.request('OPTIONS', '/nothing')[0], 404)


@ok('other methods have 405 and Allow on every path, HEAD among them where a picture is posted')
def _():
    for paths, allow, methods in ((GETS, 'GET, HEAD, OPTIONS', ('POST', 'PUT', 'DELETE')),
                                  (POSTS, 'POST, OPTIONS', ('GET', 'HEAD', 'PUT', 'DELETE'))):
        for path in paths:
            for method in methods:
                status, headers, _ = daemon.request(method, path)
                equal((method, path, status, headers['allow']), (method, path, 405, allow))


@ok('/openapi.json describes the paths, and /api.html shows it')
def _():
    _, headers, body = daemon.get('/openapi.json')
    equal((headers['content-type'], json.loads(body)['openapi']), ('application/json', '3.1.0'))
    assert b'api.js' in daemon.get('/api.html')[2] and b'openapi.json' in daemon.get('/api.js')[2]


# --- smaller and repeated answers ----------------------------------------------------------------
@ok('the page and /metrics are compressed for those who accept gzip')
def _():
    for path in '/', '/app.js', '/style.css', '/openapi.json', '/metrics':
        plain, packed = daemon.get(path), daemon.get(path, 'Accept-Encoding: br, gzip')
        assert 'content-encoding' not in plain[1]
        equal(packed[1]['content-encoding'], 'gzip')
        for answer in plain, packed:
            assert 'Accept-Encoding' in values(answer[1], 'vary')
        if path != '/metrics':
            equal(gzip.decompress(packed[2]), plain[2])
        assert len(packed[2]) < len(plain[2]) / 2
        equal(int(packed[1]['content-length']), len(packed[2]))


@ok('and not for others')
def _():
    for accept in 'br', 'gzip;q=0', '*;q=0', 'gzip;q=0.000, br', 'identity':
        assert 'content-encoding' not in daemon.get('/app.js', 'Accept-Encoding: ' + accept)[1]
    for accept in 'gzip;q=0.5', '*', 'GZIP', 'br;q=1.0, gzip;q=0.8, *;q=0.1':
        equal(daemon.get('/app.js', 'Accept-Encoding: ' + accept)[1]['content-encoding'], 'gzip')


@ok('a document that the client has already is 304 without a body')
def _():
    for path in '/', '/app.js', '/openapi.json':
        tag = daemon.get(path)[1]['etag']
        for condition in tag, tag[2:], '"x", ' + tag, '*':
            status, headers, body = daemon.get(path, 'If-None-Match: ' + condition, 'Accept-Encoding: gzip')
            equal((status, body, headers['etag']), (304, b'', tag))
        equal(daemon.get(path, 'If-None-Match: W/"x"')[0], 200)
    assert daemon.get('/')[1]['etag'] != daemon.get('/app.js')[1]['etag']


@ok('SIGTERM ends the daemon with 0')
def _():
    equal(daemon.stop(), 0)


done()
