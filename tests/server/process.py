#!/usr/bin/python3
"""Black-box tests of pix2pixd as a process: its name, the dynamic loader, descriptors and their limit."""

import ctypes
import glob
import os
import re
import resource
import subprocess
import sys

sys.dont_write_bytecode = True
from daemon import FOLDER, PIX2PIXD, Daemon, done, equal, make_model, ok, skip  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)
# The daemon executes itself again only without these.
bare = {name: value for name, value in os.environ.items() if name not in ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')}


def process(daemon, name):
    with open('/proc/%d/%s' % (daemon.process.pid, name)) as file:
        return file.read()


@ok('it keeps its name when it executes itself again')
def _():
    daemon = Daemon(env=bare)
    assert 'GOMP_SPINCOUNT=10000' in process(daemon, 'environ').split('\0')
    equal(process(daemon, 'comm'), 'pix2pixd\n')
    equal(daemon.stop(), 0)


@ok('a link to it gives it its own name')
def _():
    os.symlink(PIX2PIXD, 'translator')
    daemon = Daemon(program=os.path.join(FOLDER, 'translator'), env=bare)
    equal(process(daemon, 'comm'), 'translator\n')
    equal(daemon.stop(), 0)


LOADER = 'the dynamic loader starts it, options and all'
loaders = glob.glob('/lib64/ld-linux-*.so.?') + glob.glob('/lib/ld-linux-*.so.?')
if not loaders:
    skip(LOADER, 'the dynamic loader is in another place')
else:
    @ok(LOADER)
    def _():
        for arguments in (['--version'], ['--models', 'models', '--check-config'],
                          ['--models', 'models', '--default-model', 'col\xffour', '--check-config']):
            run = [subprocess.run(start + [PIX2PIXD] + arguments, capture_output=True, env=bare, timeout=60)
                   for start in ([], [loaders[0]], [loaders[0], '--library-path', '/nowhere'])]
            equal([each.returncode for each in run], [run[0].returncode] * 3)
            equal([each.stdout for each in run], [run[0].stdout] * 3)


@ok('descriptors that were closed are not taken by sockets, and nothing is written to them')
def _():
    for closed in ((0,), (2,), (0, 2)):
        daemon = Daemon(preexec_fn=lambda: [os.close(fd) for fd in closed])
        for fd in closed:
            equal(os.readlink('/proc/%d/fd/%d' % (daemon.process.pid, fd)), '/dev/null')
        equal(daemon.get('/readyz')[0], 200)
        equal(daemon.stop(), 0)


EPOLL = 'libmicrohttpd uses its epoll_ctl() and epoll_wait(), so that it can neither end nor delay the daemon'
if sys.argv[4:5] == ['instrumented']:
    skip(EPOLL, 'a sanitizer has its own')
else:
    @ok(EPOLL)
    def _():
        said = subprocess.run([PIX2PIXD, '--version'], capture_output=True, text=True, timeout=60,
                              env=dict(os.environ, LD_DEBUG='bindings', LD_BIND_NOW='1')).stderr
        for name in 'epoll_ctl', 'epoll_wait':
            assert re.search(r'libmicrohttpd\S* \[0\] to \S*pix2pixd \[0\]: \S+ symbol `%s' % name, said), said[-300:]


@ok('printing to a closed standard output fails')
def _():
    out = subprocess.run(['sh', '-c', 'exec "$@" >&-', 'sh', PIX2PIXD, '--version'], capture_output=True, timeout=60)
    equal((out.returncode, out.stdout), (1, b''))


NO_CODE = 'where memory may not be made executable, it says what forbids that'
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1


def forbid_code():
    """For the rest of the process, and what it executes; 0: done."""
    return ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)


child = os.fork()
if child == 0:
    os._exit(forbid_code() != 0)
if os.waitpid(child, 0)[1] != 0:
    skip(NO_CODE, 'this kernel cannot forbid it')
elif sys.argv[4:5] == ['instrumented']:
    skip(NO_CODE, 'a sanitizer needs such memory itself')
else:
    @ok(NO_CODE)
    def _():
        out = subprocess.run([PIX2PIXD, '--models', 'models', '--listen', '127.0.0.1:0'], capture_output=True, text=True,
                             timeout=60, preexec_fn=forbid_code)
        equal((out.returncode, out.stdout), (1, ''))
        assert 'MemoryDenyWriteExecute=' in out.stderr, out.stderr


@ok('it warns of a limit of open files that --max-connections does not fit')
def _():
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
    daemon = Daemon('--max-connections', '100', preexec_fn=limit)
    assert ' warning ' not in daemon.text(), daemon.text()
    equal(daemon.stop(), 0)
    daemon = Daemon('--max-connections', '150', preexec_fn=limit)
    assert 'warning --max-connections 150 needs 214 open files, but the limit is 200' in daemon.text(), daemon.text()
    equal(daemon.stop(), 0)


done()
