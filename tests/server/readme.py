#!/usr/bin/env python3
"""The snippets of README.md, as they are there, against the real daemon: the picture is that of a plain request."""

import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from daemon import Daemon, done, equal, make_model, make_picture, ok, skip  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as file:
    README = file.read()
SNIPPETS = dict(re.findall(r'^```(\w+)\n(.*?)^```$', README, re.MULTILINE | re.DOTALL))
# The page's `file` and `image` in Node; the picture goes where the image would show it.
JS = """import { readFileSync, writeFileSync } from 'node:fs';
import { resolveObjectURL } from 'node:buffer';
const url = process.argv[2], file = new Blob([readFileSync('sketch.png')], { type: 'image/png' }), image = {};
%s
writeFileSync('out.png', Buffer.from(await resolveObjectURL(image.src).arrayBuffer()));
"""

make_model('colour', 'unet_32', 4, 3, 3, 1)
PICTURE = make_picture('sketch.png', 48, 40)
daemon = Daemon()
WANTED = daemon.request('POST', '/translate', 'Content-Type: image/png', body=PICTURE)[2]


def run(*command):
    return subprocess.run(command, env=dict(os.environ, URL=daemon.url), capture_output=True, text=True, timeout=60)


def translates(*command):
    if os.path.exists('out.png'):
        os.remove('out.png')
    result = run(*command)
    assert result.returncode == 0, result.stderr
    with open('out.png', 'rb') as file:
        equal(file.read(), WANTED)


def explains(detail, *command):
    """The same snippet with a picture that is none: an error, with the daemon's words if it shows them."""
    with open('sketch.png', 'wb') as file:
        file.write(b'\x89PNG\r\n\x1a\n but not for long')
    try:
        result = run(*command)
    finally:
        with open('sketch.png', 'wb') as file:
            file.write(PICTURE)
    assert result.returncode != 0 and detail in result.stderr, result


@ok('there is one snippet for the shell, for JavaScript and for Python')
def _():
    equal(sorted(re.findall(r'^```(\w+)$', README, re.MULTILINE)), ['js', 'python', 'sh'])


@ok('the one for the shell translates a picture, and fails if it is refused')
def _():
    translates('sh', '-c', SNIPPETS['sh'])
    explains('', 'sh', '-c', SNIPPETS['sh'])


if shutil.which('node'):
    @ok('the one for JavaScript translates a picture, and throws the reason if it is refused')
    def _():
        with open('snippet.mjs', 'w', encoding='utf-8') as file:
            file.write(JS % SNIPPETS['js'])
        translates('node', 'snippet.mjs', daemon.url)
        explains('PNG', 'node', 'snippet.mjs', daemon.url)
else:
    skip('the one for JavaScript translates a picture, and throws the reason if it is refused', 'Node is missing')


@ok('the one for Python translates a picture, and raises if it is refused')
def _():
    script = 'import sys\nurl = sys.argv[1]\n' + SNIPPETS['python']
    translates(sys.executable, '-c', script, daemon.url)
    explains('HTTP Error 422', sys.executable, '-c', script, daemon.url)


@ok('the first command of the page gives the file that it shows')
def _():
    other = Daemon('--models', os.path.join(ROOT, 'deploy', 'models'))
    os.symlink(os.path.join(ROOT, 'deploy'), 'deploy')
    command, = re.findall(r'^    \$ (curl .*)$', README, re.MULTILINE)
    assert 'http://127.0.0.1:8080/' in command, command
    equal(run('sh', '-c', command.replace('http://127.0.0.1:8080', other.url)).returncode, 0)
    size = re.search(r'out\.png: PNG image data, (\d+) x (\d+), 8-bit/color RGB', README).groups()
    with open('out.png', 'rb') as file:
        head = file.read(26)
    equal((head[:8], head[16:26]), (b'\x89PNG\r\n\x1a\n', b''.join(int(n).to_bytes(4, 'big') for n in size) + b'\x08\x02'))
    equal(other.stop(), 0)


@ok('SIGTERM ends the daemon with 0')
def _():
    equal(daemon.stop(), 0)


done()
