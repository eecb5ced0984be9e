"""Three real daemons on free ports, and the balancers of deploy/ in front of them.

Importing this imports tests/server/daemon.py, which takes the test's arguments: PIX2PIXD
MAKE_CHECKPOINT MAKE_PICTURE, or none for those of build-tests."""

import atexit
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('PX_BUILD', os.path.join(ROOT, 'build-tests'))
# What follows the three programs are the test's own arguments.
PROGRAMS = ['pix2pixd', 'tests/make_checkpoint', 'tests/server/make_picture']
ARGUMENTS = sys.argv[1:]
if ARGUMENTS and os.path.basename(ARGUMENTS[0]) == 'pix2pixd':
    ARGUMENTS = ARGUMENTS[3:]
else:
    sys.argv[1:1] = [os.path.join(BUILD, path) for path in PROGRAMS]
sys.path.insert(1, os.path.join(ROOT, 'tests', 'server'))  # behind this folder, which has names of its own
import daemon  # noqa: E402


def deploy(*parts):
    return os.path.join(ROOT, 'deploy', *parts)


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def fetch(port, path, host='127.0.0.1', timeout=5):
    """(status, body) of a GET; status 0 if there was no answer."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request('GET', path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors='replace')
    except (OSError, http.client.HTTPException):
        return 0, ''
    finally:
        connection.close()


def wait_until(condition, seconds=60, step=0.05):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError('waited %d s for %s' % (seconds, condition))
        time.sleep(step)


class Replica:
    """A daemon that keeps its ports, for pictures and for health and metrics, when it is started again."""

    def __init__(self, *options):
        self.port, self.admin = free_port(), free_port()
        self.options = '--admin-listen', '127.0.0.1:%d' % self.admin, *options
        self.start()

    def start(self):
        self.daemon = daemon.Daemon(*self.options, listen=('127.0.0.1:%d' % self.port,))

    def restart(self):
        status = self.daemon.stop()
        if status != 0:
            raise AssertionError('SIGTERM ended a replica with status %d:\n%s'
                                 % (status, self.daemon.text()[-2000:]))
        self.start()

    def kill(self, away):
        """Dies with requests in its hands, and is back `away` seconds later."""
        process = self.daemon.process
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.15)
        process.kill()
        process.wait()
        time.sleep(away)
        self.start()


def cpu_left(replicas):
    """Seconds of the CPUs of this process that replicas have used or nobody has."""
    with open('/proc/stat', encoding='utf-8') as file:
        cpus = {line.split()[0]: line.split()[4:6] for line in file if line.startswith('cpu')}
    total = sum(map(int, sum((cpus['cpu%d' % cpu] for cpu in os.sched_getaffinity(0)), [])))  # idle and iowait
    for replica in replicas:
        with open('/proc/%d/stat' % replica.daemon.process.pid, encoding='utf-8') as file:
            total += sum(map(int, file.read().rpartition(') ')[2].split()[11:13]))
    return total / os.sysconf('SC_CLK_TCK')


class Balancer:
    """HAProxy or nginx in front of replicas: `address` for pictures, `metrics` for Prometheus."""

    def __init__(self, kind, config, replicas):
        self.port, self.metrics = free_port(), free_port()
        self.address = '127.0.0.1', self.port
        command = self.nginx(config, replicas) if kind == 'nginx' else ['haproxy', '-db', '-f', config]
        names = dict(zip(('PIX2PIXD_A', 'PIX2PIXD_B', 'PIX2PIXD_C'),
                         ('127.0.0.1:%d' % replica.port for replica in replicas)))
        names.update(zip(('PIX2PIXD_A_ADMIN', 'PIX2PIXD_B_ADMIN', 'PIX2PIXD_C_ADMIN'),
                         (str(replica.admin) for replica in replicas)))
        names['PIX2PIXD_FRONT'] = '127.0.0.1:%d' % self.port
        names['PIX2PIXD_PROXY_METRICS'] = '127.0.0.1:%d' % self.metrics
        self.log = open(os.path.join(daemon.FOLDER, 'balancer.log'), 'wb')
        self.process = subprocess.Popen(command, env={**os.environ, **names},
                                        stdout=self.log, stderr=self.log)
        atexit.register(self.stop)
        wait_until(lambda: fetch(self.port, '/models')[0] == 200)

    def nginx(self, path, replicas):
        """The file as it is, but for addresses and folders."""
        with open(path, encoding='utf-8') as file:
            text = file.read()
        folder = os.path.join(daemon.FOLDER, 'nginx')
        os.makedirs(folder, exist_ok=True)
        changes = {'pid /run/': 'pid %s/' % folder, '/var/lib/nginx/': folder + '/',
                   'listen 127.0.0.1:8080': 'listen 127.0.0.1:%d' % self.port}
        for number, replica in enumerate(replicas, 8081):
            changes['127.0.0.1:%d ' % number] = '127.0.0.1:%d ' % replica.port
        for old, new in changes.items():
            if old not in text:
                raise AssertionError('%s has no %r' % (path, old))
            text = text.replace(old, new)
        copy = os.path.join(folder, 'nginx.conf')
        with open(copy, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(daemon.FOLDER, 0o755)  # its workers are not root
        return ['nginx', '-p', folder, '-e', 'stderr', '-c', copy, '-g', 'daemon off;']

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


def missing(*programs):
    """The first program that is not there, or None."""
    return next((name for name in programs if not shutil.which(name)), None)
