"""The real daemon, and a proxy before it that misbehaves when told to."""
import http.client
import http.server
import json
import re
import subprocess
import threading
import time


class Daemon:
    def __init__(self, program, models, *options):
        self.program, self.models, self.port, self.process = program, models, 0, None
        self.options = options
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program, '--models', self.models, '--listen', f'127.0.0.1:{self.port}', *self.options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            found = re.search(r'http://127\.0\.0\.1:(\d+)', line)
            if found:
                self.port = int(found.group(1))
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return
        raise RuntimeError('the daemon did not start')

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Proxy:
    """Forwards everything to `port`, but for POST as `mode` says: 'hang', 'busy' (503 with
    Retry-After: 1), 'html' (a 502 in HTML), 'pass'. `models` are laid over the daemon's own."""

    def __init__(self, port):
        self.mode, self.models, self.posts = 'pass', None, 0
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def log_message(self, *_):
                pass

            def answer(self, status, body, headers):
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in ('content-length', 'connection', 'transfer-encoding', 'date'):
                        self.send_header(name, value)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:  # the page no longer wants it
                    self.close_connection = True

            def forward(self):
                body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
                if self.command == 'POST':
                    proxy.posts += 1
                    if proxy.mode == 'hang':
                        while proxy.mode == 'hang':
                            time.sleep(0.05)
                        self.close_connection = True
                        return
                    if proxy.mode == 'busy':
                        self.answer(503, b'{"detail":"the queue is full"}',
                                    [('Retry-After', '1'), ('Content-Type', 'application/problem+json')])
                        return
                    if proxy.mode == 'html':
                        self.answer(502, b'<html>Bad Gateway</html>', [('Content-Type', 'text/html')])
                        return
                connection = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
                headers = {k: v for k, v in self.headers.items()
                           if k.lower() not in ('host', 'connection', 'origin', 'accept-encoding')}
                try:
                    connection.request(self.command, self.path, body, headers)
                    response = connection.getresponse()
                    data = response.read()
                except (OSError, http.client.HTTPException):
                    self.answer(502, b'<html>Bad Gateway</html>', [('Content-Type', 'text/html')])
                    return
                if self.path == '/models' and proxy.models:
                    listed = json.loads(data)
                    for model in listed['models']:
                        model.update(proxy.models)
                    data = json.dumps(listed).encode()
                self.answer(response.status, data, response.getheaders())
                connection.close()

            do_GET = do_POST = forward

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.url = f'http://127.0.0.1:{self.server.server_address[1]}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.mode = 'pass'
        self.server.shutdown()
