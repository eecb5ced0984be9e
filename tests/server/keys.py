#!/usr/bin/python3
"""Black-box tests of --api-keys: who is let in, what is logged, and how keys are changed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from daemon import PIX2PIXD, Daemon, done, equal, make_model, make_picture, ok  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)
PNG = make_picture('in.png', 32, 32)
ALICE, BOB, NEW = 'a' * 40, 'bob-key._~+/0123=', 'n' * 24
FILE = '# people\n\nalice:%s\r\n  %s  \n' % (ALICE, BOB)


def write(text, name='keys', mode=0o600):
    with open(name, 'w') as file:
        file.write(text)
    os.chmod(name, mode)
    return name


def bearer(key):
    return 'Authorization: Bearer ' + key


def translate(daemon, *headers, path='/translate', kind='image/png'):
    return daemon.request('POST', path, 'Content-Type: ' + kind, *headers, body=PNG)


def wait_for_log(daemon, wanted):
    end = time.monotonic() + 10
    while wanted not in daemon.text():
        assert time.monotonic() < end, daemon.text()
        time.sleep(0.02)


def access(daemon, identity):
    wait_for_log(daemon, '"id":"%s"' % identity)
    return json.loads([line for line in daemon.text().split('\n') if '"id":"%s"' % identity in line][0])


def refused(*options):
    """The one line of a daemon that does not start."""
    run = subprocess.run([PIX2PIXD, '--models', 'models', '--listen', '127.0.0.1:0', '--log-level', 'error', *options],
                         capture_output=True, text=True, timeout=30)
    equal((run.returncode, run.stderr.count('\n'), run.stdout), (1, 1, ''))
    return run.stderr


ORIGIN = 'https://pictures.example'
daemon = Daemon('--api-keys', write(FILE), '--log-format', 'json', '--allow-origin', ORIGIN)


@ok('each key of the file is let in, whatever the case of "Bearer"')
def _():
    for header in bearer(ALICE), bearer(BOB), 'authorization: bearer  ' + ALICE:
        equal(translate(daemon, header)[0], 200)
    equal(daemon.get('/models', bearer(BOB))[0], 200)


@ok('without a key, or with a wrong one, the answer is 401 with WWW-Authenticate and a problem')
def _():
    for header in ('X-Nothing: 1', bearer(''), bearer(ALICE[1:]), bearer(ALICE + 'a'), bearer('alice'), bearer('alice:' + ALICE),
                   bearer(ALICE.upper()), 'Authorization: Basic ' + ALICE, 'Authorization: ' + ALICE):
        status, headers, body = translate(daemon, header)
        equal((status, headers['www-authenticate'], headers['content-type']),
              (401, 'Bearer realm="pix2pixd"', 'application/problem+json'))
        problem = json.loads(body)
        equal((problem['status'], problem['title']), (401, 'Key needed'))


@ok('other dialects say so in their own words')
def _():
    status, _, body = translate(daemon, path='/v1/images/edits')
    equal((status, 'key' in json.loads(body)['error']['message']), (401, True))
    status, _, body = translate(daemon, path='/v2/models/colour/infer')
    equal((status, 'key' in json.loads(body)['error']), (401, True))


@ok('models, metrics and the inference protocol need a key, too')
def _():
    for path in '/models', '/metrics', '/v2', '/v2/models/colour', '/v2/models/colour/ready':
        equal((daemon.get(path)[0], daemon.get(path, bearer(BOB))[0]), (401, 200))


@ok('health checks and the page never do')
def _():
    for path in '/healthz', '/livez', '/readyz', '/startupz', '/v2/health/live', '/v2/health/ready', '/', '/app.js', '/openapi.json':
        equal(daemon.get(path)[0], 200)
        equal(daemon.get(path, bearer('wrong'))[0], 200)


@ok('nor does the admin address')
def _():
    with_admin = Daemon('--api-keys', 'keys', '--admin-listen', '127.0.0.1:0')
    url = with_admin.text().split('health and metrics on ')[1].split()[0]
    equal(subprocess.run(['curl', '-sf', '-o', 'metrics', url + '/metrics']).returncode, 0)
    equal(with_admin.stop(), 0)


@ok("a preflight needs none, and allows the header; other origins may read the 401")
def _():
    status, headers, _ = daemon.request('OPTIONS', '/translate', 'Origin: ' + ORIGIN,
                                        'Access-Control-Request-Method: POST',
                                        'Access-Control-Request-Headers: authorization')
    equal(status, 204)
    assert 'Authorization' in headers['access-control-allow-headers'], headers
    status, headers, _ = translate(daemon, 'Origin: ' + ORIGIN)
    equal((status, headers['access-control-allow-origin']), (401, ORIGIN))
    assert 'WWW-Authenticate' in headers['access-control-expose-headers'], headers


@ok("the log has the key's name, or its line, and never a key")
def _():
    for identity, key, name in ('one', ALICE, 'alice'), ('two', BOB, 'line-4'):
        translate(daemon, bearer(key), 'X-Request-Id: ' + identity)
        equal(access(daemon, identity)['key'], name)
    translate(daemon, bearer('wrong' * 5), 'X-Request-Id: three')
    assert 'key' not in access(daemon, 'three')
    for key in ALICE, BOB, 'wrong' * 5:
        assert key not in daemon.text()


@ok('a 401 is counted as such')
def _():
    body = daemon.get('/metrics', bearer(ALICE))[2].decode()
    assert 'pix2pixd_http_requests_total{route="/translate",code="401"} ' in body
    assert 'pix2pixd_http_requests_total{route="/translate",code="401"} 0\n' not in body


@ok('on SIGHUP the file is read again')
def _():
    write('carol:%s\nalice:%s\n' % (NEW, ALICE))
    daemon.process.send_signal(signal.SIGHUP)
    wait_for_log(daemon, 'models reloaded')
    equal([translate(daemon, bearer(key))[0] for key in (NEW, ALICE, BOB)], [200, 200, 401])


@ok('a bad file leaves the old keys in force, and is reported in log and metrics')
def _():
    for text, wanted in ('dave:short\n', 'line 1: the key is too short'), ('# nothing\n', 'no key in it'):
        write(text)
        daemon.process.send_signal(signal.SIGHUP)
        wait_for_log(daemon, wanted)
        equal(translate(daemon, bearer(NEW))[0], 200)
    os.remove('keys')
    daemon.process.send_signal(signal.SIGHUP)
    wait_for_log(daemon, 'No such file')
    equal(translate(daemon, bearer(NEW))[0], 200)
    assert b'\npix2pixd_api_keys_reload_failed 1\n' in daemon.get('/metrics', bearer(NEW))[2]


@ok('a good one clears that')
def _():
    write(FILE)
    daemon.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 10
    while translate(daemon, bearer(BOB))[0] != 200:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert b'\npix2pixd_api_keys_reload_failed 0\n' in daemon.get('/metrics', bearer(BOB))[2]


@ok('no request fails while keys are exchanged')
def _():
    for i in range(20):
        write('%s\nextra:%s\n' % (BOB, str(i) * 30))
        daemon.process.send_signal(signal.SIGHUP)
        for _ in range(5):
            equal(daemon.get('/models', bearer(BOB))[0], 200)
    equal(daemon.stop(), 0)


@ok('a key that sends many pictures does not keep those of other keys waiting, from the same address')
def _():
    make_model('slow', 'unet_128', 32, 3, 3, 1)
    large = make_picture('large.png', 256, 256)
    write('greedy:%s\nmodest:%s\nsmall:%s\n' % (ALICE, BOB, NEW))
    fair = Daemon('--api-keys', 'keys', '--max-batch', '1', '--queue-seconds', '0', '--request-deadline', '0')
    finished = []

    def send(name, key):
        equal(fair.request('POST', '/translate?model=slow&fit=image', 'Content-Type: image/png', bearer(key), body=large)[0], 200)
        finished.append(name)
    greedy = [threading.Thread(target=send, args=('greedy', ALICE)) for _ in range(24)]
    for thread in greedy:
        thread.start()
    end = time.monotonic() + 20
    while b'\npix2pixd_queue_depth 1' not in fair.get('/metrics', bearer(NEW))[2] and time.monotonic() < end:
        time.sleep(0.01)
    others = [threading.Thread(target=send, args=(name, key)) for name, key in (('modest', BOB), ('small', NEW))]
    for thread in others:
        thread.start()
    for thread in others + greedy:
        thread.join(120)
    equal(len(finished), 26)
    assert min(finished.index('modest'), finished.index('small')) <= 14, finished
    equal(fair.stop(), 0)
    os.remove('models/slow.safetensors')


@ok('a file without keys, with a bad line or a repeated key keeps the daemon from starting; the line is named, not the key')
def _():
    for text, wanted in (('', 'no key in it'), ('#a\n', 'no key in it'), ('x' * 15, 'line 1: the key is too short'),
                         ('\n' + 'x' * 600, 'line 2: the key is too long'), ('a b:' + ALICE, 'line 1: the name'),
                         (':' + ALICE, 'line 1: the name'), ('n:' + 'x y' * 10, 'line 1: a key has'),
                         ('%s\nalice:%s\n' % (ALICE, ALICE), 'line 2: the same key as in line 1'), ('a\0b', 'NUL')):
        said = refused('--api-keys', write(text))
        assert wanted in said and 'keys' in said, said
        assert ALICE not in said and 'xxx' not in said, said
    assert 'no-such' in refused('--api-keys', 'no-such')


@ok('--check-config checks it')
def _():
    assert 'too short' in refused('--check-config', '--api-keys', write('a:b'))
    equal(subprocess.run([PIX2PIXD, '--models', 'models', '--check-config', '--log-level', 'error', '--api-keys', write(FILE)],
                         stdout=subprocess.DEVNULL).returncode, 0)


@ok('a file that everybody can read gets a warning')
def _():
    for mode, warned in (0o644, True), (0o640, False), (0o600, False):
        open_file = Daemon('--api-keys', write(FILE, mode=mode))
        equal('every user of this machine can read the keys' in open_file.text(), warned)
        equal(open_file.stop(), 0)


@ok('without the option an Authorization header means nothing')
def _():
    plain = Daemon()
    equal(translate(plain, bearer('anything'))[0], 200)
    equal(plain.stop(), 0)


done()
