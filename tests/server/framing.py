#!/usr/bin/python3
"""Requests that servers and proxies may read differently, alone and behind HAProxy and nginx (if they are
installed): each is answered once, or refused and the connection closed. Behind each stands another request,
and in many bodies one that must never be seen."""

import atexit
import re
import shutil
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from daemon import Daemon, done, equal, make_model, ok, statuses  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)
POST = b'POST /translate HTTP/1.1\r\n'
HOST = b'Host: localhost\r\n'
TYPE = b'Content-Type: image/png\r\n'
NEXT = b'GET /models?next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
HIDDEN = b'GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n'


def headers(*lines, body=b'', start=POST, host=HOST):
    return start + host + TYPE + b''.join(line + b'\r\n' for line in lines) + b'\r\n' + body


def get(target, version=b'HTTP/1.1', host=HOST):
    return b'GET ' + target + b' ' + version + b'\r\n' + host + b'\r\n'


CHUNKED = b'Transfer-Encoding: chunked'
END = b'0\r\n\r\n'
# The cases of a table that compares versions of libmicrohttpd, in its order, and those found since.
CASES = {
    'plain GET': get(b'/models'),
    'no Host': get(b'/models', host=b''),
    'two Host': headers(b'Host: b'),
    'the same length twice': headers(b'Content-Length: 3', b'Content-Length: 3', body=b'abc'),
    'two lengths': headers(b'Content-Length: %d' % len(HIDDEN), b'Content-Length: 0', body=HIDDEN),
    'a list of lengths': headers(b'Content-Length: 3, 3', body=b'abc'),
    'length +3': headers(b'Content-Length: +3', body=b'abc'),
    'length -1': headers(b'Content-Length: -1', body=HIDDEN),
    'length 0x3': headers(b'Content-Length: 0x3', body=b'abc'),
    'length 3abc': headers(b'Content-Length: 3abc', body=b'abc'),
    'length 2^64': headers(b'Content-Length: 18446744073709551616', body=HIDDEN),
    'an empty length': headers(b'Content-Length:', body=HIDDEN),
    'length and chunked': headers(b'Content-Length: %d' % len(END + HIDDEN), CHUNKED, body=END + HIDDEN),
    'chunked': headers(CHUNKED, body=b'3\r\nabc\r\n' + END),
    'coding identity': headers(b'Transfer-Encoding: identity', body=HIDDEN),
    'codings gzip, chunked': headers(b'Transfer-Encoding: gzip, chunked', body=END + HIDDEN),
    'coding xchunked and a length': headers(b'Transfer-Encoding: xchunked', b'Content-Length: 5', body=END + HIDDEN),
    'a space before the colon of the coding': headers(b'Transfer-Encoding : chunked', body=END + HIDDEN),
    'chunked twice': headers(CHUNKED, CHUNKED, body=END + HIDDEN),
    'identity and chunked': headers(b'Transfer-Encoding: identity', CHUNKED, body=END + HIDDEN),
    'chunked in HTTP/1.0': headers(CHUNKED, start=b'POST /translate HTTP/1.0\r\n', body=END + HIDDEN),
    'a chunk size that ends with LF': headers(CHUNKED, body=b'3\nabc\r\n' + END),
    'chunk size 0x3': headers(CHUNKED, body=b'0x3\r\nabc\r\n' + END),
    'chunk size +3': headers(CHUNKED, body=b'+3\r\nabc\r\n' + END),
    'a chunk extension': headers(CHUNKED, body=b'3;a=b\r\nabc\r\n' + END),
    'a chunk size that overflows': headers(CHUNKED, body=b'fffffffffffffffff\r\nabc\r\n' + END),
    'a chunk longer than its size': headers(CHUNKED, body=b'3\r\nabcdef\r\n' + END),
    'lines that end with LF': get(b'/models').replace(b'\r\n', b'\n'),
    'a CR in a value': headers(b'X: a\rb', b'Content-Length: 3', body=b'abc'),
    'a NUL in a value': headers(b'X: a\0b', b'Content-Length: 3', body=b'abc'),
    'a folded header': headers(b'X: a\r\n b', b'Content-Length: 3', body=b'abc'),
    'a space before a colon': headers(b'X : a', b'Content-Length: 3', body=b'abc'),
    'a line without a colon': headers(b'X', b'Content-Length: 3', body=b'abc'),
    'an empty name': headers(b': a', b'Content-Length: 3', body=b'abc'),
    'a name that is no token': headers(b'X(y: a', b'Content-Length: 3', body=b'abc'),
    'a space before the first header': POST + b' X: a\r\n' + HOST + b'Content-Length: 0\r\n\r\n',
    'HTTP/0.9': b'GET /models\r\n\r\n',
    'HTTP/1.2': get(b'/models', b'HTTP/1.2'),
    'HTTP/2.0': get(b'/models', b'HTTP/2.0'),
    'http/1.1': get(b'/models', b'http/1.1'),
    'two spaces in the first line': get(b' /models'),
    'a space in the target': get(b'/mo dels'),
    '%00 in the path': get(b'/models%00'),
    'a TLS hello': b'\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03' + bytes(range(64)),
    'the preface of HTTP/2': b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'three requests at once': get(b'/models') * 3,
    'an unknown Expect': headers(b'Expect: bogus', b'Content-Length: 3', body=b'abc'),
    'GET with a body': headers(b'Content-Length: 3', start=b'GET /models HTTP/1.1\r\n', body=b'abc'),
    'a header of 40 KB': headers(b'X: ' + b'x' * 40000, b'Content-Length: 3', body=b'abc'),
    'a target of 40 KB': get(b'/' + b'x' * 40000),
    '3000 headers': headers(*[b'X%d: y' % i for i in range(3000)], b'Content-Length: 3', body=b'abc'),
    'a folded length': headers(b'Content-Length:\r\n %d' % len(HIDDEN), body=HIDDEN),
    'a folded length behind another': headers(b'Content-Length: 0\r\n %d' % len(HIDDEN), body=HIDDEN),
    'a folded coding': headers(b'Transfer-Encoding:\r\n chunked', b'Content-Length: 5', body=END + HIDDEN),
    'a folded Host': headers(b'host:\r\n evil.example', b'Content-Length: 0'),
    'a NUL in the length': headers(b'Content-Length: 3\0', body=b'abc'),
    'a LF in a chunk extension': headers(CHUNKED, body=b'3;\nxx\r\nabc\r\n' + END),
    'a tab before the coding': headers(b'Transfer-Encoding:\tchunked', body=b'3\r\nabc\r\n' + END),
    'a trailer': headers(CHUNKED, body=b'3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n'),
    'an upgrade to HTTP/2': headers(b'Connection: Upgrade, HTTP2-Settings', b'Upgrade: h2c', b'HTTP2-Settings: AA',
                                    b'Content-Length: 0'),
}
REQUESTS = {'three requests at once': 3}
# HAProxy 2.6 takes the length 2^64 for 0, and what follows for a request; so do its logs and its client.
SPLIT = {('length 2^64', 'haproxy')}
daemon = Daemon('--idle-timeout', '5')


def talk(address, data, patience):
    """All that comes back until the other side closes, or is silent for `patience` seconds."""
    found = b''
    with socket.create_connection(address, 10) as client:
        client.settimeout(patience)
        try:
            client.sendall(data)
            while True:
                piece = client.recv(65536)
                if not piece:
                    break
                found += piece
        except OSError:
            pass
    return found


def ours(answer):
    """How many answers of the daemon's own are in what came back."""
    if answer.startswith(b'{"models"'):
        return 1  # HTTP/0.9, through nginx: it has no headers
    return len(re.findall(rb'(?i)\r\nx-request-id: ', answer))


def answered(seen):
    """Of the logged requests those that libmicrohttpd or the client did not give up."""
    return [line for line in seen if 'status=499' not in line]


def log_since(position, count):
    """The requests that the daemon has logged since, once `count` of them were answered and no more come. A line
    follows its answer, and one of a request that was given up may follow so late that it belongs to the next case."""
    before, seen, end = None, [], time.monotonic() + 10
    while before != seen or (len(answered(seen)) < count and time.monotonic() < end):
        before = seen
        time.sleep(0.05)
        seen = re.findall(r' request id=\S+ .*', daemon.text()[position:])
    return seen


def judge(name, answer, seen, behind_proxy):
    """What is wrong with the answer to a case, or None."""
    closed = re.search(rb'\r\nConnection: close\r\n', answer)
    if ours(answer) != len(answered(seen)):
        return 'seen %d, answered %d' % (len(answered(seen)), ours(answer))
    if len(answered(seen)) > REQUESTS.get(name, 1) + 1 and (name, behind_proxy) not in SPLIT:
        return 'more requests than were sent'
    if any('/hidden' in line for line in seen) and (name, behind_proxy) not in SPLIT:
        return 'the hidden request was seen'
    if not behind_proxy and closed and b'HTTP/1.1 200' in answer[closed.end():]:
        return 'an answer behind the end of the connection'
    return None


def check(address, title, behind_proxy=''):
    wrong, counts, slowest = [], {'answered': 0, 'refused': 0, 'nothing': 0}, 0
    for name, data in CASES.items():
        position, start = len(daemon.text()), time.monotonic()
        answer = talk(address, data + NEXT, max(1.5, 20 * slowest))
        if answer:
            slowest = max(slowest, time.monotonic() - start)
        seen = log_since(position, ours(answer))
        problem = judge(name, answer, seen, behind_proxy)
        if problem:
            wrong.append((name, problem, seen, answer[:300]))
        counts['nothing' if not answer else 'answered' if b'{"models"' in answer else 'refused'] += 1
    print('# %s: %d cases, %s' % (title, len(CASES), counts))
    equal(wrong, [])


@ok('alone, every case is answered once, or refused and closed')
def _():
    check(daemon.address, 'alone')


def proxy(command, config, port):
    with open('proxy.conf', 'w') as file:
        file.write(config)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(process.kill)
    for _ in range(100):
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return process
        except OSError:
            time.sleep(0.05)
    raise AssertionError('%s does not start' % command[0])


def free_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


HAPROXY = '''
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend front
    bind 127.0.0.1:%d
    default_backend daemon
backend daemon
    server one 127.0.0.1:%d
'''
NGINX = '''
daemon off;
master_process off;
pid nginx.pid;
error_log /dev/null;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {
        listen 127.0.0.1:%d;
        location / {
            proxy_pass http://127.0.0.1:%d;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    }
}
'''
PROXIES = (('HAProxy', 'haproxy', ['haproxy', '-f', 'proxy.conf'], HAPROXY),
           ('nginx', 'nginx', ['nginx', '-p', '.', '-c', 'proxy.conf'], NGINX))
for title, program, command, config in PROXIES:
    if not shutil.which(program):
        print('# %s is not installed' % title)
        continue

    @ok('behind %s the daemon sees as many requests as are answered, and none that was hidden' % title)
    def _():
        port = free_port()
        process = proxy(command, config % (port, daemon.address[1]), port)
        check(('127.0.0.1', port), title, program)
        process.terminate()
        process.wait(10)


daemon.stop()
done()
