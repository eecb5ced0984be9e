"""What the black-box tests in Python share: the real daemon on a free port, raw requests, TAP.

Arguments of a test: PIX2PIXD MAKE_CHECKPOINT MAKE_PICTURE, and more programs in MORE."""

import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from tap import done, equal, ok, skip  # noqa: E402,F401

PIX2PIXD, MAKE_CHECKPOINT, MAKE_PICTURE, *MORE = (os.path.abspath(path) for path in sys.argv[1:])
for name in list(os.environ):
    if name.startswith('PIX2PIXD_'):
        del os.environ[name]
FOLDER = tempfile.mkdtemp()
os.chdir(FOLDER)
atexit.register(shutil.rmtree, FOLDER, True)
os.mkdir('models')


def run(*command):
    subprocess.run(command, check=True)


def make_model(name, *arguments):
    run(MAKE_CHECKPOINT, 'models/%s.safetensors' % name, *map(str, arguments))


def make_picture(name, width, height, seed=1):
    run(MAKE_PICTURE, name, str(width), str(height), str(seed))
    with open(name, 'rb') as file:
        return file.read()


class Daemon:
    """A daemon on a free port; stop() or the end of the test ends it."""

    def __init__(self, *options, listen=('127.0.0.1:0',), program=None, **popen):
        self.log = tempfile.TemporaryFile()
        command = [program or PIX2PIXD, '--models', 'models', '--workers', '1', '--threads-per-worker', '1',
                   '--dtype', 'f32', '--log-level', 'debug', '--drain-delay', '0']
        for address in listen:
            command += ['--listen', address]
        self.process = subprocess.Popen(command + list(options), stdout=subprocess.PIPE,
                                        stderr=self.log, **popen)
        atexit.register(self.process.kill)
        self.urls = [self.process.stdout.readline().decode().strip()]
        if not self.urls[0]:
            sys.exit('the daemon did not start:\n' + self.text())
        self.url = self.urls[0]
        host, port = self.url[len('http://'):].rsplit(':', 1)
        self.address = host.strip('[]'), int(port)
        # Where it has its metrics.
        self.admin = self.find_admin() if '--admin-listen' in options else self.address

    def find_admin(self):
        """The first address of --admin-listen that is not a unix socket; needs the log's level info."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            found = re.search(r'health and metrics on http://(\S*):(\d+)', self.text())
            if found:
                return found[1].strip('[]'), int(found[2])
            time.sleep(0.02)
        sys.exit('no admin address:\n' + self.text())

    def more_urls(self, count):
        """Reads the addresses behind the first: there must be as many."""
        self.urls += [self.process.stdout.readline().decode().strip() for _ in range(count)]
        return self.urls

    def load_all(self):
        """Waits for the models besides the default one, which come while it serves."""
        while self.get('/startupz')[0] == 503:
            time.sleep(0.05)

    def text(self):
        """The log so far."""
        self.log.seek(0)
        return self.log.read().decode(errors='replace')

    def connect(self, timeout=30, address=None):
        return socket.create_connection(address or self.address, timeout)

    def send(self, data, half_close=False, timeout=30, address=None):
        """One connection: sends bytes and returns all that comes back until the daemon closes."""
        with self.connect(timeout, address) as client:
            client.sendall(data)
            if half_close:
                client.shutdown(socket.SHUT_WR)
            return read_all(client)

    def get(self, path, *headers):
        return self.request('GET', path, *headers)

    def request(self, method, path, *headers, body=None, address=None):
        """Returns (status, headers as a dict of lower-case names, body)."""
        lines = ['%s %s HTTP/1.1' % (method, path), 'Connection: close']
        if not any(header.lower().startswith('host:') for header in headers):
            lines.append('Host: %s:%d' % (address or self.address))
        lines += headers
        if body is not None:
            lines.append('Content-Length: %d' % len(body))
        return parse(self.send('\r\n'.join(lines).encode() + b'\r\n\r\n' + (body or b''), address=address))

    def metric(self, name):
        body = self.request('GET', '/metrics', address=self.admin)[2].decode()
        found = re.search('^%s (.*)$' % re.escape(name), body, re.MULTILINE)
        return float(found[1]) if found else None

    def wait_for(self, name, wanted, seconds=5):
        """Waits until a metric has a value; the value that it had in the end."""
        end = time.monotonic() + seconds
        while True:
            value = self.metric(name)
            if value == wanted or time.monotonic() > end:
                return value
            time.sleep(0.02)

    def descriptors(self):
        return len(os.listdir('/proc/%d/fd' % self.process.pid))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        if status < 0:
            print('# killed by signal %d:\n#   %s' % (-status, '\n#   '.join(self.text().splitlines()[-20:])))
        return status


def read_all(client):
    data = b''
    try:
        while True:
            piece = client.recv(65536)
            if not piece:
                break
            data += piece
    except ConnectionError:
        pass
    return data


def parse(data):
    """The first final answer in `data`: (status, headers, body)."""
    while data.startswith(b'HTTP/1.1 1'):
        data = data.partition(b'\r\n\r\n')[2]
    head, _, body = data.partition(b'\r\n\r\n')
    lines = head.decode('latin-1').split('\r\n')
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(':')
        name = name.lower()
        headers[name] = headers[name] + ', ' + value.strip() if name in headers else value.strip()
    status = int(lines[0].split(' ')[1]) if lines[0].startswith('HTTP/') else 0
    return status, headers, body


def statuses(data):
    """Of all final answers in `data`, whose bodies must not look like one."""
    return [int(status) for status in re.findall(rb'HTTP/1\.1 ([2-5]\d\d) ', data)]
