#!/usr/bin/env python3
"""The clients in examples/ against the real daemon, each where its language is installed: the picture
is that of curl, and a refusal is an error with its reason."""

import os
import shutil
import subprocess
import sys

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'examples')

from daemon import Daemon, make_model, make_picture  # noqa: E402


def compiled(command, source, *libraries):
    """A program from examples/, or None where it cannot be built."""
    if not shutil.which(command[0]):
        return None
    built = subprocess.run([*command, '-o', 'client', os.path.join(EXAMPLES, source), *libraries],
                           stderr=subprocess.DEVNULL, check=False)
    return ['./client'] if built.returncode == 0 else None


def has_module(name):
    return subprocess.run([sys.executable, '-c', 'import ' + name], stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def script(interpreter, name, able=True):
    return [interpreter, os.path.join(EXAMPLES, name)] if shutil.which(interpreter) and able else None


make_model('small', 'unet_32', 4, 3, 3, 1)
make_picture('in.png', 32, 32)
with open('broken.png', 'wb') as file:
    file.write(b'\x89PNG\r\n\x1a\n but not for long')
daemon = Daemon()
subprocess.run(['curl', '-sf', '--data-binary', '@in.png', '-H', 'Content-Type: image/png', '-o', 'want.png',
                daemon.url + '/translate'], check=True)
with open('want.png', 'rb') as file:
    want = file.read()

CLIENTS = [
    ('curl', lambda: script('sh', 'translate.sh')),
    ('JavaScript (Node)', lambda: script('node', 'translate.mjs')),
    ('Python', lambda: script(sys.executable, 'translate.py')),
    ('Python with requests', lambda: script(sys.executable, 'translate_requests.py', has_module('requests'))),
    ('Go', lambda: compiled(['go', 'build'], 'translate.go')),
    ('C with libcurl', lambda: compiled(['cc'], 'translate.c', '-lcurl')),
]
print(f'1..{2 * len(CLIENTS)}', flush=True)
number = 0
for name, find in CLIENTS:
    command = find()
    for sentence, source, good in ((f'{name} translates a picture', 'in.png', True),
                                   (f'{name} reports a picture that is refused', 'broken.png', False)):
        number += 1
        if command is None:
            print(f'ok {number} - {sentence} # SKIP it is not installed', flush=True)
            continue
        if os.path.exists('out.png'):
            os.remove('out.png')
        run = subprocess.run([*command, daemon.url, source, 'out.png'], capture_output=True, check=False,
                             timeout=120)
        if good:
            fine = run.returncode == 0 and os.path.exists('out.png')
            if fine:
                with open('out.png', 'rb') as file:
                    fine = file.read() == want
        else:
            fine = run.returncode != 0 and run.stderr != b''
        print(f"{'ok' if fine else 'not ok'} {number} - {sentence}", flush=True)
        if not fine:
            print('# ' + repr(run)[:500], flush=True)
