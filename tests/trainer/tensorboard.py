#!/usr/bin/env python3
"""tensorboard.py PIX2PIX PIX2PIX-TRAIN: pix2pix-train --tensorboard, read back as TensorBoard reads it, with nothing
of ours: records and their CRC-32C, the protobuf messages, the PNG. Prints TAP."""

import glob
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from tap import done, equal, ok  # noqa: E402

PIX2PIX, TRAIN = (os.path.abspath(path) for path in sys.argv[1:3])
FOLDER = tempfile.mkdtemp()
os.chdir(FOLDER)
OPTIONS = ['--data', 'houses', '--netG', 'unet_32', '--ngf', '4', '--ndf', '4', '--load-size', '32', '--crop-size',
           '32', '--n-epochs', '2', '--n-epochs-decay', '1', '--print-freq', '2', '--threads', '1', '--save-epoch-freq', '0']
TAGS = {'loss/G_GAN', 'loss/G_L1', 'loss/D_real', 'loss/D_fake', 'lr', 'val/L1', 'val/PSNR', 'val/SSIM', 'pictures'}


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff


assert crc32c(b'123456789') == 0xe3069283  # the check value of the CRC catalogue


def records(path):
    with open(path, 'rb') as file:
        data = file.read()
    at = 0
    while at < len(data):
        size, crc = struct.unpack_from('<QI', data, at)
        assert crc == masked(data[at:at + 8]), 'the CRC of a size'
        record = data[at + 12:at + 12 + size]
        assert len(record) == size, 'half a record'
        assert struct.unpack_from('<I', data, at + 12 + size)[0] == masked(record), 'the CRC of a record'
        yield record
        at += size + 16


def message(data):
    """Fields of a protobuf message: {number: [value]}; varints as int, others as bytes."""
    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    at, fields = 0, {}
    while at < len(data):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            value = varint()
        else:
            size = {1: 8, 5: 4}[kind] if kind != 2 else varint()
            value = data[at:at + size]
            assert len(value) == size
            at += size
        fields.setdefault(number, []).append(value)
    return fields


def events(folder):
    """Of all files in the order of their names: (kind, step, tag, value)."""
    for path in sorted(glob.glob(folder + '/*')):
        assert re.fullmatch(r'events\.out\.tfevents\.\d{10}\..+\.\d+', os.path.basename(path)), path
        for number, record in enumerate(records(path)):
            event = message(record)
            assert abs(struct.unpack('<d', event[1][0])[0] - time.time()) < 600
            step, = event.get(2, [0])
            if number == 0:
                assert (event[3], step) == ([b'brain.Event:2'], 0), event
            if 7 in event:
                assert message(event[7][0]) == {1: [1]}
                yield 'start', step, None, None
            for summary in event.get(5, []):
                for value in message(summary)[1]:
                    value = message(value)
                    tag = value[1][0].decode()
                    if 2 in value:
                        yield 'scalar', step, tag, struct.unpack('<f', value[2][0])[0]
                    else:
                        yield 'picture', step, tag, message(value[4][0])


def shown(folder):
    """What TensorBoard shows: a start drops what is there of its step and later ones."""
    kept = []
    for event in events(folder):
        if event[0] == 'start':
            kept = [one for one in kept if one[1] < event[1]]
        else:
            kept.append(event)
    return kept


def train(name, board, *more, wanted=0):
    run = subprocess.run([TRAIN, *OPTIONS, '--out', name + '.safetensors', '--tensorboard', board, *more],
                         capture_output=True, text=True, timeout=120)
    assert run.returncode == wanted, run
    return run.stderr


def metrics(name):
    with open(name + '.metrics.jsonl', encoding='utf-8') as file:
        return [json.loads(line) for line in file if line.endswith('\n')]


subprocess.run([PIX2PIX, 'dataset', 'facades', '--count', '5', '--seed', '1', '--size', '64', '--out', 'houses'],
               check=True, capture_output=True)
train('a', 'runs/a')


def check_scalars(name, board):
    """Every number of NAME.metrics.jsonl, once, and no others."""
    wanted = {}
    for line in metrics(name):
        for key, tag in (('G_GAN', 'loss/G_GAN'), ('G_L1', 'loss/G_L1'), ('D_real', 'loss/D_real'),
                         ('D_fake', 'loss/D_fake'), ('lr', 'lr'), ('val_L1', 'val/L1'), ('val_PSNR', 'val/PSNR'),
                         ('val_SSIM', 'val/SSIM')):
            if key in line:
                wanted[tag, line['step']] = line[key]
    found = [(tag, step) for kind, step, tag, _ in shown(board) if kind == 'scalar']
    equal(sorted(found), sorted(wanted))
    for kind, step, tag, value in shown(board):
        if kind == 'scalar':
            assert abs(value - wanted[tag, step]) <= 1e-5 * (abs(value) + 1e-3), (tag, step, value, wanted[tag, step])


@ok('a training leaves one file of sound records, with every number of metrics.jsonl by its step')
def _():
    equal(len(os.listdir('runs/a')), 1)
    equal({tag for _, _, tag, _ in events('runs/a')}, TAGS)
    check_scalars('a', 'runs/a')


@ok('and the picture of each epoch as a PNG, the one in NAME.pictures')
def _():
    pictures = [(step, image) for kind, step, _, image in events('runs/a') if kind == 'picture']
    steps = [line['step'] for line in metrics('a') if 'val_L1' in line]
    equal([step for step, _ in pictures], steps)
    for number, (_, image) in enumerate(pictures, 1):
        file = image[4][0]
        equal(file[:16], b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR')
        width, height = struct.unpack_from('>II', file, 16)
        equal((image[1], image[2], image[3]), ([height], [width], [3]))
        path, = glob.glob('a.pictures/epoch_*%d.png' % number)
        with open(path, 'rb') as saved:
            equal(file, saved.read())
        assert zlib.crc32(file[12:29]) == struct.unpack_from('>I', file, 29)[0]


@ok('--tensorboard does not change what is trained')
def _():
    subprocess.run([TRAIN, *OPTIONS, '--out', 'plain.safetensors'], check=True, capture_output=True)
    with open('a.safetensors', 'rb') as one, open('plain.safetensors', 'rb') as other:
        equal(one.read() == other.read(), True)


LONG = OPTIONS + ['--out', 'b.safetensors', '--tensorboard', 'runs/b', '--n-epochs', '400']


def run_until(lines, end_by, *more):
    """Trains until NAME.metrics.jsonl is so long, then ends it by a signal; the exit status."""
    process = subprocess.Popen([TRAIN, *LONG, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while time.monotonic() < end and (not os.path.exists('b.metrics.jsonl') or len(metrics('b')) < lines):
        time.sleep(0.02)
    process.send_signal(end_by)
    return process.wait()


@ok('a training that is killed and continued shows every step once')
def _():
    equal(run_until(12, signal.SIGKILL), -signal.SIGKILL)
    time.sleep(1.1)  # until the next file's name comes later
    equal(run_until(24, signal.SIGINT, '--continue-train'), 130)
    equal([event[0] for event in events('runs/b')].count('start'), 1)
    check_scalars('b', 'runs/b')


@ok('one that begins with --tensorboard in the middle brings its history along')
def _():
    subprocess.run([TRAIN, *OPTIONS, '--out', 'c.safetensors'], check=True, capture_output=True)
    train('c', 'runs/c', '--continue-train', '--epoch-count', '4', '--n-epochs', '4')
    equal(len(os.listdir('runs/c')), 1)
    check_scalars('c', 'runs/c')


@ok('a folder with the events of another training is refused before anything is computed')
def _():
    before = os.listdir('runs/a')
    error = train('d', 'runs/a', wanted=2)
    equal(error, 'pix2pix-train: --tensorboard: runs/a has the events of another training; give this one a folder of '
          'its own\n')
    equal((os.listdir('runs/a'), os.path.exists('d.safetensors')), (before, False))


@ok('so is one that cannot be made, and a dry run leaves none')
def _():
    assert 'houses/train/0001.png' in train('e', 'houses/train/0001.png/runs', wanted=1)
    train('f', 'runs/f', '--dry-run')
    equal(os.path.exists('runs/f'), False)


shutil.rmtree(FOLDER, True)
done()
