#!/usr/bin/env python3
"""mpi.py PIX2PIX PIX2PIX-TRAIN MODULE: training with several processes by mpirun, on a tiny network. MODULE is the one
for MPI, or a path where none was built. Prints TAP; skips without MPI."""

import glob
import json
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from tap import done, equal, ok  # noqa: E402

PIX2PIX, TRAIN, MODULE = (os.path.abspath(path) for path in sys.argv[1:4])
if not shutil.which('mpirun') or not os.path.exists(MODULE):
    print('1..0 # skip there is no MPI')
    sys.exit()
FOLDER = tempfile.mkdtemp()
os.chdir(FOLDER)
OPTIONS = ['--netG', 'unet_32', '--ngf', '4', '--ndf', '4', '--load-size', '32', '--crop-size', '32', '--n-epochs-decay', '0',
           '--threads', '1', '--save-epoch-freq', '0', '--num-val', '2', '--n-epochs', '2']
PLAIN = ['--norm', 'instance', '--no-dropout']


def command(out, *more, data='houses'):
    return [TRAIN, *OPTIONS, '--data', data, '--out', out + '.safetensors', *more]


def mpirun(count, *program):
    """Many processes on few cores."""
    return ['mpirun', '--allow-run-as-root', '--oversubscribe', '--bind-to', 'none', '--mca', 'mpi_yield_when_idle', '1', '-n',
            str(count), *program]


def unlike(first, second):
    """Two processes with a command each. (The ':' between two commands makes mpirun 5.0.7 crash.)"""
    return mpirun(2, 'sh', '-c', 'if [ "$OMPI_COMM_WORLD_RANK" = 0 ]; then exec %s; else exec %s; fi' % (
        shlex.join(first), shlex.join(second)))


def run(*program, status=0):
    result = subprocess.run(program, capture_output=True, text=True, timeout=400)
    assert result.returncode == status, (result.returncode, result.stdout[-500:], result.stderr[-1500:])
    return result


def read(name):
    with open(name, 'rb') as file:
        return file.read()


def weights(out):
    """{name: floats} of a checkpoint."""
    data = read(out + '.safetensors')
    start = 8 + struct.unpack('<Q', data[:8])[0]
    tensors = json.loads(data[8:start])
    return {name: struct.unpack('<%df' % ((t['data_offsets'][1] - t['data_offsets'][0]) // 4),
                                data[start + t['data_offsets'][0]:start + t['data_offsets'][1]])
            for name, t in tensors.items() if name != '__metadata__' and t['dtype'] == 'F32'}


def distance(one, other, leave_out='running'):
    """The largest difference of weights. An update moves a weight by lr, 0.0002, at most."""
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    return max(abs(x - y) for name in a if leave_out not in name for x, y in zip(a[name], b[name]))


def make_pairs(out, seed, count=5):
    run(PIX2PIX, 'dataset', 'facades', '--count', str(count), '--seed', str(seed), '--size', '64', '--out', out)


make_pairs('houses', 1)
make_pairs('others', 2)
run(*command('one', '--batch-size', '4', *PLAIN))


# Of 5 pairs, batches of 4 and 1: in the second only one process has a picture.
@ok('two processes with batches of 2 train as one with batches of 4, up to rounding')
def _():
    result = run(*mpirun(2, *command('two', '--batch-size', '2', *PLAIN)))
    equal(result.stdout.count('The weights are the same in all 2 processes'), 2)
    assert distance('one', 'two') < 2e-5, distance('one', 'two')
    assert distance('one', 'two') > 0 or read('one.safetensors') != b''
    for name in 'G_GAN', 'G_L1', 'D_real', 'D_fake', 'val_L1':
        found = [[line[name] for line in map(json.loads, open(out + '.metrics.jsonl')) if name in line]
                 for out in ('one', 'two')]
        equal(len(found[0]), len(found[1]))
        assert all(abs(a - b) < 1e-3 * abs(a) for a, b in zip(*found)), (name, found)


@ok('four with batches of 1 do, too')
def _():
    run(*mpirun(4, *command('four', '--batch-size', '1', *PLAIN)))
    assert distance('one', 'four') < 2e-5, distance('one', 'four')


@ok('with batch norm and dropout two processes train as one that accumulates two batches')
def _():
    run(*command('accumulated', '--batch-size', '2', '--accumulate', '2', '--max-dataset-size', '4'))
    run(*mpirun(2, *command('batch', '--batch-size', '2', '--max-dataset-size', '4')))
    assert distance('accumulated', 'batch') < 2e-5, distance('accumulated', 'batch')


@ok('only the first process writes and shows')
def _():
    result = run(*mpirun(2, *command('shown', '--batch-size', '2', '--dry-run', *PLAIN)))
    equal(result.stdout.count('Dry run:'), 1)
    equal(glob.glob('shown*'), [])
    result = run(*mpirun(2, *command('two', '--batch-size', '2', *PLAIN)), status=1)
    equal(result.stderr.count('pix2pix-train: two.state'), 1)


# Slow enough to be ended in time.
LONG = ['--batch-size', '1', '--n-epochs', '8', '--crop-size', '64', '--load-size', '64', '--ngf', '16', *PLAIN]
# One epoch of 300 steps, so that nothing is saved before its end but by a signal, which gives a step a second (Open MPI 4) or
# a quarter (5).
EPOCH = ['--batch-size', '1', '--n-epochs', '1', '--crop-size', '64', '--load-size', '64', '--ngf', '16', '--print-freq', '2',
         *PLAIN]


def epochs(out):
    try:
        return sum('val_L1' in line for line in open(out + '.metrics.jsonl'))
    except FileNotFoundError:
        return 0


def ranks_of(process):
    """The processes that mpirun has started."""
    found = []
    for task in os.listdir('/proc/%d/task' % process.pid):
        with open('/proc/%d/task/%s/children' % (process.pid, task)) as file:
            found += map(int, file.read().split())
    return sorted(found)


def begin(out, *more):
    process = subprocess.Popen(mpirun(2, *command(out, *LONG, *more)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    end = time.monotonic() + 120
    while epochs(out) < 1 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    return process


def shown(out):
    """Steps in the log of losses."""
    try:
        return open(out + '.loss_log.txt').read().count('iters:')
    except FileNotFoundError:
        return 0


def stop(out, number, *more):
    """Sends the signal to mpirun in the middle of the epoch. Returns its status and errors when all is saved."""
    before = shown(out)
    process = subprocess.Popen(mpirun(2, *command(out, *EPOCH, *more, data='many')), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    while shown(out) < before + 2 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(number)
    errors = process.communicate(timeout=120)[1]
    while os.path.exists(out + '.lock') and time.monotonic() < end:
        time.sleep(0.02)
    equal((os.path.exists(out + '.lock'), epochs(out)), (False, 0))
    return process.returncode, errors


def go_on(out, *more):
    """Continues; returns after how many steps."""
    output = run(*mpirun(2, *command(out, *EPOCH, '--continue-train', *more, data='many'))).stdout
    return int(re.search(r'Continuing after (\d+) of 300 steps', output)[1])


# mpirun sends SIGTERM a moment after SIGINT, and SIGKILL another moment later. It reads nothing that is printed meanwhile.
@ok('Ctrl-C saves the step it stops at; so does SIGUSR1, which mpirun forwards')
def _():
    make_pairs('many', 3, count=600)
    run(*mpirun(2, *command('whole', *EPOCH, data='many')))
    status, _ = stop('stopped', signal.SIGINT)
    assert status != 0, status
    status, errors = stop('stopped', signal.SIGUSR1, '--continue-train')
    equal(status, 130)
    said = re.findall(r'interrupted and saved after step (\d+) of 300', errors)
    equal(len(said), 1)
    equal(go_on('stopped'), int(said[0]))


@ok('continued, the bytes are those of a run without them')
def _():
    equal(read('stopped.safetensors') == read('whole.safetensors'), True)


@ok('so are those after kill -9 of a process, which ends the others')
def _():
    run(*mpirun(2, *command('long', *LONG)))
    process = begin('killed')
    ranks = ranks_of(process)
    equal(len(ranks), 2)
    os.kill(ranks[1], signal.SIGKILL)
    process.communicate(timeout=120)
    assert process.returncode != 0
    end = time.monotonic() + 30
    while any(os.path.exists('/proc/%d' % pid) for pid in ranks) and time.monotonic() < end:
        time.sleep(0.05)
    equal([pid for pid in ranks if os.path.exists('/proc/%d' % pid)], [])
    run(*mpirun(2, *command('killed', *LONG, '--continue-train')))
    equal(read('killed.safetensors') == read('long.safetensors'), True)


@ok('another number of processes cannot continue')
def _():
    result = run(*mpirun(3, *command('long', *LONG, '--continue-train')), status=2)
    equal(result.stderr.count('pix2pix-train: '), 1)
    assert 'ranks' in result.stderr or 'steps_per_epoch' in result.stderr, result.stderr


def refusal(*programs, status):
    result = run(*programs, status=status)
    lines = [line for line in result.stderr.splitlines() if line.startswith('pix2pix-train: ')]
    equal(len(lines), 1)
    return lines[0]


@ok('processes that see other pairs are refused in one line, before the work')
def _():
    line = refusal(*unlike(command('mixed', *PLAIN), command('mixed', *PLAIN, data='others')), status=2)
    equal(line, 'pix2pix-train: the processes of this training see different pairs in --data houses: give all the same '
          'files')
    equal(os.path.exists('mixed.state'), False)


@ok('so are other options, and a data set that one process alone does not have')
def _():
    line = refusal(*unlike(command('mixed', *PLAIN), command('mixed', *PLAIN, '--lr', '0.1')), status=2)
    assert 'were given different options' in line, line
    line = refusal(*unlike(command('mixed', *PLAIN), command('mixed', *PLAIN, data='nowhere')), status=1)
    assert line.startswith('pix2pix-train: nowhere'), line


@ok('so are CPUs for which oneDNN lays gradients out in unlike ways, which cannot be summed')
def _():
    older = ['env', 'ONEDNN_MAX_CPU_ISA=SSE41']
    line = refusal(*unlike(command('mixed', *PLAIN), older + command('mixed', *PLAIN)), status=1)
    assert 'ONEDNN_MAX_CPU_ISA' in line, line
    run(*mpirun(2, *older, *command('older', *PLAIN)))


@ok('without the module the program starts, and says under mpirun that it was built without MPI')
def _():
    os.mkdir('elsewhere')
    shutil.copy(TRAIN, 'elsewhere')
    run('elsewhere/pix2pix-train', '--help')
    os.environ['LD_LIBRARY_PATH'] = ''
    result = subprocess.run(mpirun(2, 'elsewhere/pix2pix-train', *command('alone', *PLAIN)[1:]), capture_output=True, text=True,
                            timeout=100)
    lines = [line for line in result.stderr.splitlines() if line.startswith('pix2pix-train: ')]
    if result.returncode != 0:  # else it is installed on this machine
        equal((result.returncode, len(lines)), (1, 1))
        assert 'started as one of 2 processes, but this was built without MPI' in lines[0], lines


shutil.rmtree(FOLDER, True)
done()
