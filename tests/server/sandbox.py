#!/usr/bin/python3
"""Black-box tests of --sandbox and --user: what the daemon gives up, and that everything works without it."""

import base64
import ctypes
import json
import os
import platform
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import daemon as harness  # noqa: E402
from daemon import (FOLDER, MAKE_CHECKPOINT, PIX2PIXD, Daemon, done, equal, make_model, make_picture, ok,  # noqa: E402
                    run, skip)

INSTRUMENTED = sys.argv[4:5] == ['instrumented']
ROOT = os.geteuid() == 0
NOBODY = 65534

# So that nobody can read the models, and run the daemon of a build in root's home.
os.chmod(FOLDER, 0o755)
PIX2PIXD = harness.PIX2PIXD = shutil.copy(PIX2PIXD, os.path.join(FOLDER, 'pix2pixd'))
make_model('colour', 'unet_32', 4, 3, 3, 1)
make_model('grey', 'unet_32', 4, 1, 1, 2)
PNG = make_picture('a.png', 48, 40)
JPEG = make_picture('b.jpg', 300, 200)


def state(daemon, task=None):
    """/proc/PID/status as a dict; of a thread if there is one."""
    path = '/proc/%d/%sstatus' % (daemon.process.pid, 'task/%s/' % task if task else '')
    with open(path) as file:
        return dict(re.split(r':\s*', line.rstrip('\n'), maxsplit=1) for line in file)


def translate(daemon, query='', body=PNG, kind='image/png'):
    return daemon.request('POST', '/translate' + query, 'Content-Type: ' + kind, body=body)[0]


def names(daemon):
    return [model['name'] for model in json.loads(daemon.get('/models')[2])['models']]


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def landlock_is_there():
    return ctypes.CDLL(None).syscall(444, None, 0, 1) > 0


def check(sentence):
    """A test of what only builds without sanitizers on kernels with landlock have."""
    if INSTRUMENTED:
        return lambda test: skip(sentence, 'this build has sanitizers or coverage')
    if not landlock_is_there():
        return lambda test: skip(sentence, 'this kernel has no landlock')
    return ok(sentence)


# --- what is on ------------------------------------------------------------------------------------
@ok('no thread of it can gain rights')
def _():
    daemon = Daemon()
    tasks = os.listdir('/proc/%d/task' % daemon.process.pid)
    assert len(tasks) > 4, tasks
    for task in tasks:
        equal(state(daemon, task)['NoNewPrivs'], '1')
    assert re.search(r'info sandbox: no_new_privs', daemon.text()), daemon.text()
    equal(daemon.stop(), 0)


@check('every thread is filtered, and log, metrics and /info say so')
def _():
    daemon = Daemon('--admin-listen', '127.0.0.1:0')
    for task in os.listdir('/proc/%d/task' % daemon.process.pid):
        equal(state(daemon, task)['Seccomp'], '2')
    assert 'info sandbox: no_new_privs, landlock, seccomp; can read models\n' in daemon.text(), daemon.text()
    for part in ('no_new_privs', 'landlock', 'seccomp'):
        equal(daemon.metric('pix2pixd_sandbox{part="%s"}' % part), 1)
    info = json.loads(daemon.get('/info')[2])
    equal(info['sandbox'], {'no_new_privs': True, 'landlock': True, 'seccomp': True})
    equal(daemon.stop(), 0)


@check('it dumps no core')
def _():
    daemon = Daemon()
    with open('/proc/%d/limits' % daemon.process.pid) as file:
        assert re.search(r'^Max core file size +0 +0 ', file.read(), re.MULTILINE)
    equal(daemon.stop(), 0)


@ok('--sandbox off leaves all of it out, and log, metrics and /info say so')
def _():
    daemon = Daemon('--sandbox', 'off')
    equal((state(daemon)['NoNewPrivs'], state(daemon)['Seccomp']), ('0', '0'))
    assert 'info sandbox: off' in daemon.text(), daemon.text()
    for part in ('no_new_privs', 'landlock', 'seccomp'):
        equal(daemon.metric('pix2pixd_sandbox{part="%s"}' % part), 0)
    assert not any(json.loads(daemon.get('/info')[2])['sandbox'].values())
    equal(daemon.stop(), 0)


# --- everything works ------------------------------------------------------------------------------
@ok('pictures of every kind and size are translated')
def _():
    daemon = Daemon('--codec-threads', '3')
    for query in ('', '?norm=batch', '?fit=image', '?fit=scale', '?format=jpeg', '?model=grey', '?dropout=off'):
        equal((query, translate(daemon, query)), (query, 200))
        equal((query, translate(daemon, query, JPEG, 'image/jpeg')), (query, 200))
    encoded = json.dumps({'image': base64.b64encode(PNG).decode()}).encode()
    equal(translate(daemon, '', encoded, 'application/json'), 200)
    equal(translate(daemon, '', b'nonsense'), 422)
    for side in range(64, 512, 32):
        picture = make_picture('side.png', side, side)
        equal(translate(daemon, '?fit=image', picture), 200)
    equal(daemon.stop(), 0)


@ok('the demo model translates with its running statistics, too')
def _():
    daemon = Daemon('--models', os.path.join(os.environ['PX_TESTS'], '../deploy/models'))
    for query in ('?model=sketch2house', '?model=sketch2house&norm=running'):
        equal((query, translate(daemon, query)), (query, 200))
    equal(daemon.stop(), 0)


@ok('every route works, on the admin address, too')
def _():
    daemon = Daemon('--admin-listen', '127.0.0.1:0')
    daemon.load_all()
    for path in ('/', '/api.html', '/openapi.json', '/models', '/info', '/v2', '/v2/models/colour', '/livez',
                 '/readyz', '/startupz', '/healthz'):
        equal((path, daemon.get(path)[0]), (path, 200))
    for path in ('/livez', '/readyz', '/metrics'):
        equal((path, daemon.request('GET', path, address=daemon.admin)[0]), (path, 200))
    assert daemon.metric('process_open_fds') > 5
    assert daemon.metric('process_resident_memory_bytes') > 1e6
    assert daemon.metric('pix2pixd_cgroup_memory_bytes') > 0 or not os.path.exists('/sys/fs/cgroup/memory')
    equal(daemon.stop(), 0)


@ok('a model that is added, replaced or removed is noticed, with a card')
def _():
    daemon = Daemon()
    make_model('new', 'unet_64', 4, 3, 3, 1)
    assert wait_until(lambda: 'new' in names(daemon)), daemon.text()
    equal(translate(daemon, '?model=new'), 200)
    with open('models/new.json', 'w') as file:
        json.dump({'title': 'Another'}, file)
    assert wait_until(lambda: b'Another' in daemon.get('/models')[2]), daemon.text()
    os.remove('models/new.safetensors')
    os.remove('models/new.json')
    assert wait_until(lambda: 'new' not in names(daemon)), daemon.text()
    daemon.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: 'nothing changed' in daemon.text()), daemon.text()
    equal(daemon.stop(), 0)


@ok('a volume whose ..data link is changed, as Kubernetes does, is read anew')
def _():
    for version, seed in (('..1', 3), ('..2', 4)):
        os.makedirs('volume/' + version)
        run(MAKE_CHECKPOINT, 'volume/%s/m.safetensors' % version, 'unet_32', '4', '3', '3', str(seed))
    os.symlink('..1', 'volume/..data')
    os.symlink('..data/m.safetensors', 'volume/m.safetensors')
    daemon = Daemon('--models', 'volume')
    first = daemon.request('POST', '/translate', 'Content-Type: image/png', body=PNG)[2]
    os.symlink('..2', 'volume/..next')
    os.rename('volume/..next', 'volume/..data')
    assert wait_until(lambda: 'models reloaded: 1 changed' in daemon.text()), daemon.text()
    assert first != daemon.request('POST', '/translate', 'Content-Type: image/png', body=PNG)[2]
    equal(daemon.stop(), 0)


@ok('a folder that is a link may lead to its neighbour later')
def _():
    for release in ('1', '2'):
        os.makedirs('releases/' + release)
        shutil.copy('models/colour.safetensors', 'releases/%s/m%s.safetensors' % (release, release))
    os.symlink('releases/1', 'current')
    daemon = Daemon('--models', 'current')
    equal(names(daemon), ['m1'])
    os.symlink('releases/2', 'next')
    os.rename('next', 'current')
    daemon.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: names(daemon) == ['m2']), daemon.text()
    equal(daemon.stop(), 0)


@ok('a file of keys is read again, also where a new one has taken its place')
def _():
    os.mkdir('secrets')

    def write(key):
        with open('secrets/new', 'w') as file:
            file.write(key + '\n')
        os.chmod('secrets/new', 0o600)
        os.rename('secrets/new', 'secrets/keys')

    def answers(key):
        return daemon.get('/models', 'Authorization: Bearer ' + key)[0]
    first, second = 'a' * 20, 'b' * 20
    write(first)
    daemon = Daemon('--api-keys', 'secrets/keys')
    equal((answers(first), answers(second)), (200, 401))
    write(second)
    daemon.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: answers(second) == 200), daemon.text()
    equal(answers(first), 401)
    equal(daemon.stop(), 0)


@check('another folder of the same name needs a restart, and the log says so')
def _():
    shutil.copytree('models', 'replaced')
    daemon = Daemon('--models', 'replaced')
    daemon.load_all()
    os.rename('replaced', 'before')
    shutil.copytree('models', 'replaced')
    daemon.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: re.search(
        r'the models stay as they were: replaced: .*Permission denied; the sandbox lets the daemon read only '
        r'what was there.*: restart it\n', daemon.text())), daemon.text()
    equal(translate(daemon), 200)
    equal(daemon.stop(), 0)


# --- kernels that lack something -------------------------------------------------------------------
def without(*calls):
    """A preexec_fn after which these system calls are missing."""
    def filtered():
        code = struct.pack('<HBBI', 0x20, 0, 0, 0)
        for call in calls:
            code += struct.pack('<HBBI', 0x15, 0, 1, call) + struct.pack('<HBBI', 0x06, 0, 0, 0x50000 | 38)
        code += struct.pack('<HBBI', 0x06, 0, 0, 0x7fff0000)
        memory = ctypes.create_string_buffer(code)
        program = ctypes.create_string_buffer(struct.pack('HxxxxxxP', len(code) // 8, ctypes.addressof(memory)))
        libc = ctypes.CDLL(None)
        if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, program, 0, 0) != 0:
            os._exit(99)
    return filtered


LANDLOCK, SECCOMP = 444, {'x86_64': 317, 'aarch64': 277}.get(platform.machine(), 317)


@check('what the kernel lacks is left out with a line in the log')
def _():
    for calls, words, wanted in (([LANDLOCK], 'no landlock here: ', [True, False, True]),
                                 ([SECCOMP], 'no seccomp here: ', [True, True, False])):
        daemon = Daemon(preexec_fn=without(*calls))
        assert re.search('info sandbox: ' + words, daemon.text()), daemon.text()
        equal(list(json.loads(daemon.get('/info')[2])['sandbox'].values()), wanted)
        equal(translate(daemon), 200)
        equal(daemon.stop(), 0)


# --- root ------------------------------------------------------------------------------------------
def root(sentence):
    if not ROOT:
        return lambda test: skip(sentence, 'only root can become another user')
    return ok(sentence)


def is_user(daemon, uid, capabilities='0000000000000000'):
    for task in os.listdir('/proc/%d/task' % daemon.process.pid):
        found = state(daemon, task)
        equal(set(found['Uid'].split()), {str(uid)})
        equal(found['CapEff'], capabilities)
        equal(found['CapPrm'], capabilities)


def root_by_default(sentence):
    if INSTRUMENTED:
        return lambda test: skip(sentence, 'this build has sanitizers or coverage')
    return root(sentence)


@root_by_default('started by root it becomes nobody')
def _():
    daemon = Daemon()
    is_user(daemon, NOBODY)
    assert 'info runs as nobody (uid 65534) instead of root\n' in daemon.text(), daemon.text()
    equal(translate(daemon), 200)
    equal(daemon.stop(), 0)


@root_by_default('models that only root can read are read, without any other right')
def _():
    if not landlock_is_there():
        return
    shutil.copytree('models', 'private/models')
    os.chmod('private', 0o700)
    daemon = Daemon('--models', 'private/models')
    is_user(daemon, NOBODY, '0000000000000004')
    shutil.copy('models/colour.safetensors', 'private/models/new.safetensors')
    os.chmod('private/models/new.safetensors', 0o600)
    assert wait_until(lambda: 'new' in names(daemon)), daemon.text()
    equal(daemon.stop(), 0)


@root('--user names another user, by number')
def _():
    daemon = Daemon('--user', '12345')
    is_user(daemon, 12345)
    assert 'info runs as that user (uid 12345) instead of root\n' in daemon.text(), daemon.text()
    equal(translate(daemon), 200)
    equal(daemon.stop(), 0)


def refused(status, words, *options, **popen):
    end = subprocess.run([PIX2PIXD, '--listen', '127.0.0.1:0', '--log-level', 'error'] + list(options),
                         capture_output=True, text=True, timeout=60, **popen)
    equal((end.returncode, end.stdout), (status, ''))
    assert re.search(words, end.stderr) and end.stderr.count('\n') == 1, end.stderr


@root('a user that cannot read the models is an error with the remedy')
def _():
    os.makedirs('closed', exist_ok=True)
    shutil.copytree('models', 'closed/models')
    os.chmod('closed', 0o700)
    refused(1, r'closed/models: .*the daemon runs as uid 12345: let that user read it, or choose another with --user',
            '--models', 'closed/models', '--user', '12345')
    shutil.copytree('models', 'mixed')
    os.chmod('mixed/grey.safetensors', 0o600)
    refused(1, r'mixed/grey.safetensors: .*uid 12345', '--models', 'mixed', '--user', '12345')


@root('--user root stays root, with a warning')
def _():
    daemon = Daemon('--user', 'root')
    equal(set(state(daemon)['Uid'].split()), {'0'})
    assert 'warning runs as root, as --user says\n' in daemon.text(), daemon.text()
    equal(daemon.stop(), 0)


@ok('a user that does not exist is refused')
def _():
    refused(1, '--user no-such-user: there is no such user', '--models', 'models', '--user', 'no-such-user')


@root('without root it runs as it is, sandboxed, and cannot become another user')
def _():
    def leave():
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    daemon = Daemon(preexec_fn=leave)
    is_user(daemon, NOBODY)
    assert 'runs as' not in daemon.text(), daemon.text()
    equal(translate(daemon), 200)
    equal(daemon.stop(), 0)
    refused(2, '--user 12345: only root can become another user', '--models', 'models', '--user', '12345',
            preexec_fn=leave)


done()
