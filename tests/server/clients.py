#!/usr/bin/python3
"""Black-box tests with the requests in clients/, which published clients sent: each gets the answer that its
client needs, and a picture is the one that /translate gives."""

import array
import base64
import glob
import json
import os
import signal
import struct
import sys

sys.dont_write_bytecode = True
from daemon import Daemon, done, equal, make_model, ok, parse  # noqa: E402
from pixels import pattern, planes, png, unpng  # noqa: E402

CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'clients')
make_model('colour', 'unet_32', 4, 3, 3, 1)
make_model('grey', 'unet_32', 4, 1, 1, 2)
daemon = Daemon('--default-model', 'colour')
PNG = png(pattern(8), 8, 8, 3)
replayed = set()


def read_answer(client):
    """One answer; these clients keep their connections."""
    data = b''
    while True:
        status, headers, body = parse(data)
        if status and b'\r\n\r\n' in data and len(body) == int(headers['content-length']):
            return status, headers, body
        piece = client.recv(65536)
        if not piece:
            raise AssertionError('the answer ends early: %r' % data[:300])
        data += piece


def replay(name, to=daemon):
    replayed.add(name)
    with open(os.path.join(CLIENTS, name + '.http'), 'rb') as file:
        request = file.read()
    with to.connect() as client:
        client.sendall(request)
        return read_answer(client)


def translated(query=''):
    status, _, body = daemon.request('POST', '/translate?' + query, 'Content-Type: image/png', body=PNG)
    equal(status, 200)
    return body


def get_json(name, wanted=200):
    status, headers, body = replay(name)
    equal((status, headers['content-type']), (wanted, 'application/json'))
    return json.loads(body)


def get_output(name):
    """Of an inference: the whole JSON, its only output, and the bytes behind it."""
    status, headers, body = replay(name)
    equal(status, 200)
    size = int(headers.get('inference-header-content-length', len(body)))
    equal(headers['content-type'], 'application/octet-stream' if size < len(body) else 'application/json')
    answer = json.loads(body[:size])
    output, = answer['outputs']
    equal((answer['model_name'], output['name']), ('colour', 'output'))
    if size < len(body):
        equal(output['parameters']['binary_data_size'], len(body) - size)
    return answer, output, body[size:]


PIXELS = unpng(translated())[0]


# --- tritonclient --------------------------------------------------------------------------------
@ok('tritonclient finds the server and the model live and ready')
def _():
    for name in 'live', 'ready', 'model-ready', 'model-ready-version':
        equal(replay('tritonclient-' + name)[0], 200)


@ok('tritonclient gets the metadata of the server and of a model')
def _():
    equal(sorted(get_json('tritonclient-server')), ['extensions', 'name', 'version'])
    model = get_json('tritonclient-model')
    equal((model['name'], model['versions']), ('colour', ['1']))
    for tensor in model['inputs'] + model['outputs']:
        equal((tensor['datatype'], tensor['shape']), ('UINT8', [1, -1, -1, 3]))


@ok("tritonclient's numpy array of UINT8 comes back as bytes, also if it would take gzip")
def _():
    for name in 'uint8', 'uint8-gzip-answer':
        _, output, data = get_output('tritonclient-' + name)
        equal((output['datatype'], output['shape'], data), ('UINT8', [1, 32, 32, 3], PIXELS))


@ok("tritonclient's planes of FP32, with an id, a priority and a timeout, come back as such")
def _():
    answer, output, data = get_output('tritonclient-fp32')
    equal((answer['id'], output['datatype'], output['shape']), ('7', 'FP32', [1, 3, 32, 32]))
    wanted = [value / 127.5 - 1 for value in planes(PIXELS)]
    assert max(abs(a - b) for a, b in zip(array.array('f', data), wanted)) < 1e-6


@ok('tritonclient without binary data gets JSON')
def _():
    _, output, data = get_output('tritonclient-json')
    equal((output['shape'], bytes(output['data']), data), ([1, 32, 32, 3], PIXELS, b''))


@ok('tritonclient sends a file as BYTES, with parameters, and gets a file')
def _():
    _, output, data = get_output('tritonclient-bytes')
    wanted = translated('fit=image')
    equal((output['datatype'], output['shape'], data), ('BYTES', [1], struct.pack('<I', len(wanted)) + wanted))


@ok('what is not there is an error that tritonclient can read')
def _():
    for name, status, part in (('no-model', 404, 'colour, grey'), ('gzip', 415, 'gzip'),
                               ('config', 404, '/v2/models/colour/config'), ('index', 404, '/v2/repository/index')):
        answer = get_json('tritonclient-' + name, status)
        equal(list(answer), ['error'])
        assert part in answer['error'], answer


# --- KServe --------------------------------------------------------------------------------------
@ok("KServe's client finds the server live and ready, in JSON, and the model")
def _():
    equal(get_json('kserve-live')['live'], True)
    equal(get_json('kserve-ready')['ready'], True)
    equal(get_json('kserve-model-ready'), {'name': 'colour', 'ready': True})


@ok("KServe's client gets JSON for tensors in JSON and in binary")
def _():
    for name in 'kserve-json', 'kserve-binary':
        answer, output, data = get_output(name)
        equal((answer['id'], output['shape'], bytes(output['data']), data), ('7', [1, 32, 32, 3], PIXELS, b''))


@ok('a probe of the kubelet succeeds, and fails while the daemon stops')
def _():
    equal(get_json('kubelet-ready'), {'ready': True})
    other = Daemon('--drain-delay', '60')
    equal(replay('kubelet-ready', other)[0], 200)
    other.process.send_signal(signal.SIGTERM)
    other.wait_for('pix2pixd_ready', 0)
    status, headers, body = replay('kubelet-ready', other)
    equal((status, headers['content-type'], list(json.loads(body))), (503, 'application/json', ['error']))
    equal(replay('tritonclient-live', other)[0], 200)
    equal(other.stop(), 0)


# --- OpenAI --------------------------------------------------------------------------------------
@ok("OpenAI's clients in Python and Node get the picture in base64, whatever else they send")
def _():
    for name, query in (('python-plain', ''), ('python-all', 'model=colour'), ('node', 'model=colour'),
                        ('python-list', 'model=grey&format=jpeg&quality=20')):
        answer = get_json('openai-' + name)
        equal([base64.b64decode(one['b64_json']) for one in answer['data']], [translated(query)])
        equal(type(answer['created']), int)


@ok("a model of OpenAI's is an error that its client can read")
def _():
    error = get_json('openai-python-no-model', 404)['error']
    equal((sorted(error), error['type']), (['code', 'message', 'param', 'type'], 'invalid_request_error'))
    assert 'gpt-image-1' in error['message'] and 'colour, grey' in error['message'], error


@ok('so is a path that OpenAI has and this daemon has not')
def _():
    status, headers, body = daemon.get('/v1/models')
    equal((status, headers['content-type'], list(json.loads(body))), (404, 'application/json', ['error']))


@ok('every recorded request was sent')
def _():
    equal(sorted(os.path.basename(path)[:-5] for path in glob.glob(CLIENTS + '/*.http')), sorted(replayed))


@ok('SIGTERM ends the daemon with 0')
def _():
    equal(daemon.stop(), 0)


done()
