#!/usr/bin/python3
"""Black-box tests of the Open Inference Protocol, version 2, with what its clients send: JSON tensors
(KServe's probes and SDK), the binary tensor extension (tritonclient's http client puts the JSON, then
the tensors' bytes, into the body, and the size of the JSON into Inference-Header-Content-Length) and
BYTES tensors that hold a picture (OpenVINO's model server)."""

import array
import base64
import json
import os
import struct
import sys

sys.dont_write_bytecode = True
from daemon import Daemon, done, equal, make_model, make_picture, ok  # noqa: E402
from pixels import pattern, planes, png, unpng  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)
make_model('grey', 'unet_32', 4, 1, 1, 2)
PICTURE = make_picture('a.png', 48, 40)
daemon = Daemon('--default-model', 'colour', '--max-side', '200')


def get(path):
    status, headers, body = daemon.get(path)
    equal(headers['content-type'], 'application/json')
    return status, json.loads(body)


# A picture of 32x32, so that nothing is scaled: what /translate makes of it.
PIXELS = pattern(32)
WANTED = unpng(daemon.request('POST', '/translate', 'Content-Type: image/png', body=png(PIXELS, 32, 32, 3))[2])[0]


def infer(request, *headers, model='colour', binary=b'', size=True):
    text = json.dumps(request).encode()
    if binary and size:
        headers += ('Inference-Header-Content-Length: %d' % len(text),)
    return daemon.request('POST', '/v2/models/%s/infer' % model, *headers, body=text + binary)


def tensor(datatype, shape, **more):
    return {'inputs': [dict({'name': 'image', 'datatype': datatype, 'shape': shape}, **more)]}


def answer(result):
    status, headers, body = result
    equal((status, headers['content-type']), (200, 'application/json'))
    return json.loads(body)


def floats(pixels):
    return array.array('f', [value / 127.5 - 1 for value in pixels])


# --- server and models -----------------------------------------------------------------------------
@ok('/v2 names the server and its extensions')
def _():
    status, body = get('/v2')
    equal((status, body['name'], body['extensions']), (200, 'pix2pixd', ['binary_tensor_data']))
    assert body['version']


@ok('health is live and ready, in JSON')
def _():
    equal(get('/v2/health/live'), (200, {'live': True}))
    equal(get('/v2/health/ready'), (200, {'ready': True}))


@ok('a model has its metadata, with and without a version')
def _():
    for path in '/v2/models/grey', '/v2/models/grey/versions/1':
        status, body = get(path)
        equal((status, body['name'], body['versions']), (200, 'grey', ['1']))
        equal([(one['datatype'], one['shape']) for one in body['inputs'] + body['outputs']],
              [('UINT8', [1, -1, -1, 1])] * 2)
        assert body['platform']
        equal(get(path + '/ready'), (200, {'name': 'grey', 'ready': True}))


@ok('an unknown model is 404 with an error, everywhere')
def _():
    for path in '/v2/models/none', '/v2/models/none/ready':
        status, body = get(path)
        equal((status, list(body)), (404, ['error']))
        assert 'colour, grey' in body['error']
    equal(infer(tensor('UINT8', [1, 32, 32, 3], data=list(PIXELS)), model='none')[0], 404)
    equal(daemon.get('/v2/models/grey/versions/2')[0], 404)


# --- JSON ----------------------------------------------------------------------------------------
@ok('a JSON tensor of UINT8 gives the pixels that /translate gives')
def _():
    request = dict(tensor('UINT8', [1, 32, 32, 3], data=list(PIXELS)), id='7', outputs=[{'name': 'picture'}])
    body = answer(infer(request))
    equal((body['model_name'], body['id']), ('colour', '7'))
    output, = body['outputs']
    equal((output['name'], output['datatype'], output['shape']), ('picture', 'UINT8', [1, 32, 32, 3]))
    equal(bytes(output['data']), WANTED)


@ok('nested arrays, other layouts and FP32 mean the same')
def _():
    nested = [[[list(PIXELS[(y * 32 + x) * 3:][:3]) for x in range(32)] for y in range(32)]]
    equal(bytes(answer(infer(tensor('UINT8', [1, 32, 32, 3], data=nested)))['outputs'][0]['data']), WANTED)
    output = answer(infer(tensor('UINT8', [3, 32, 32], data=list(planes(PIXELS)))))['outputs'][0]
    equal((output['shape'], bytes(output['data'])), ([3, 32, 32], planes(WANTED)))
    output = answer(infer(tensor('FP32', [1, 3, 32, 32], data=list(floats(planes(PIXELS))))))['outputs'][0]
    equal((output['datatype'], output['shape']), ('FP32', [1, 3, 32, 32]))
    assert max(abs(a - b) for a, b in zip(output['data'], floats(planes(WANTED)))) < 1e-5


@ok('parameters are the fields of /translate')
def _():
    pixels = bytes(48 * 40 * 3)
    request = dict(tensor('UINT8', [1, 40, 48, 3], data=list(pixels)), parameters={'fit': 'image', 'priority': 1})
    equal(answer(infer(request))['outputs'][0]['shape'], [1, 40, 48, 3])
    request['parameters'] = {'fit': 'crop'}
    equal(infer(request)[0], 400)


@ok('BYTES in JSON is a picture in base64, and so is the answer')
def _():
    text = base64.b64encode(PICTURE).decode()
    wanted = daemon.request('POST', '/translate', 'Content-Type: image/png', body=PICTURE)[2]
    output = answer(infer(tensor('BYTES', [1], data=[text])))['outputs'][0]
    equal((output['datatype'], output['shape']), ('BYTES', [1]))
    equal(base64.b64decode(output['data'][0]), wanted)


# --- the binary tensor extension -----------------------------------------------------------------
def split(result):
    status, headers, body = result
    equal((status, headers['content-type']), (200, 'application/octet-stream'))
    size = int(headers['inference-header-content-length'])
    output, = json.loads(body[:size])['outputs']
    equal(output['parameters']['binary_data_size'], len(body) - size)
    assert 'data' not in output
    return output, body[size:]


@ok("tritonclient's request with binary input and output gives bytes")
def _():
    request = tensor('UINT8', [1, 32, 32, 3], parameters={'binary_data_size': len(PIXELS)})
    request['outputs'] = [{'name': 'output', 'parameters': {'binary_data': True}}]
    output, data = split(infer(request, binary=PIXELS))
    equal((output['shape'], data), ([1, 32, 32, 3], WANTED))


@ok('binary FP32 goes in and out as little-endian floats')
def _():
    raw = floats(planes(PIXELS)).tobytes()
    request = tensor('FP32', [1, 3, 32, 32], parameters={'binary_data_size': len(raw)})
    request['parameters'] = {'binary_data_output': True}
    output, data = split(infer(request, binary=raw))
    values = array.array('f', data)
    assert max(abs(a - b) for a, b in zip(values, floats(planes(WANTED)))) < 1e-6


@ok('binary in, JSON out, unless binary is asked for')
def _():
    request = tensor('UINT8', [1, 32, 32, 3], parameters={'binary_data_size': len(PIXELS)})
    equal(bytes(answer(infer(request, binary=PIXELS))['outputs'][0]['data']), WANTED)


@ok('a BYTES element carries its length in front')
def _():
    wanted = daemon.request('POST', '/translate', 'Content-Type: image/png', body=PICTURE)[2]
    element = struct.pack('<I', len(PICTURE)) + PICTURE
    request = tensor('BYTES', [1], parameters={'binary_data_size': len(element)})
    request['outputs'] = [{'name': 'output', 'parameters': {'binary_data': True}}]
    output, data = split(infer(request, binary=element))
    equal(data, struct.pack('<I', len(wanted)) + wanted)


@ok('a body without JSON is a picture')
def _():
    wanted = daemon.request('POST', '/translate?model=grey', 'Content-Type: image/png', body=PICTURE)[2]
    result = daemon.request('POST', '/v2/models/grey/versions/1/infer', 'Inference-Header-Content-Length: 0', body=PICTURE)
    equal(split(result)[1], struct.pack('<I', len(wanted)) + wanted)
    for body in PICTURE, b'[]', b' --boundary':
        status, _, body = daemon.request('POST', '/v2/models/grey/infer', 'Content-Type: image/png', body=body)
        equal(status, 400)
        assert "'Inference-Header-Content-Length: 0'" in json.loads(body)['error'], body


# --- refusals --------------------------------------------------------------------------------------
@ok('what cannot be inferred is refused with an error that says why')
def _():
    good = list(PIXELS)
    binary = {'parameters': {'binary_data_size': len(PIXELS)}}
    for status, part, request, more in (
            (400, 'JSON', None, {}),
            (400, 'inputs', {}, {}),
            (400, 'inputs', {'inputs': tensor('UINT8', [1, 32, 32, 3])['inputs'] * 2}, {}),
            (400, 'datatype', tensor('INT64', [1, 32, 32, 3], data=good), {}),
            (400, 'shape', tensor('UINT8', [2, 32, 32, 3], data=good), {}),
            (400, 'shape', tensor('UINT8', [32, 32], data=good), {}),
            (400, 'shape', tensor('UINT8', [1, 32, 32, 5], data=good), {}),
            (400, 'shape', tensor('UINT8', [1, -32, 32, 3], data=good), {}),
            (400, 'shape', tensor('UINT8', [1, 1 << 40, 1 << 40, 3], data=good), {}),
            (400, '3071', tensor('UINT8', [1, 32, 32, 3], data=good[1:]), {}),
            (400, '3073', tensor('UINT8', [1, 32, 32, 3], data=good + [0]), {}),
            (400, '256', tensor('UINT8', [1, 32, 32, 3], data=[256] + good[1:]), {}),
            (400, '1.5', tensor('UINT8', [1, 32, 32, 3], data=[1.5] + good[1:]), {}),
            (400, 'FP32', tensor('FP32', [1, 32, 32, 3], data=good), {}),
            (400, 'numbers', tensor('UINT8', [1, 32, 32, 3], data=['a'] + good[1:]), {}),
            (400, 'data', tensor('UINT8', [1, 32, 32, 3]), {}),
            (400, 'one string', tensor('BYTES', [1], data=['YQ==', 'YQ==']), {}),
            (400, 'base64', tensor('BYTES', [1], data=['*']), {}),
            (400, 'beside', dict(tensor('UINT8', [1, 32, 32, 3], data=good), x='y' * 20000), {}),
            (400, 'binary_data_size', tensor('UINT8', [1, 32, 32, 3], **binary), {'binary': PIXELS[1:]}),
            (400, 'bytes', tensor('UINT8', [1, 32, 31, 3], **binary), {'binary': PIXELS}),
            (400, 'element', tensor('BYTES', [1], parameters={'binary_data_size': 8}), {'binary': bytes(8)}),
            (422, 'channels', tensor('UINT8', [1, 32, 32, 1], data=good[:1024]), {}),
            (422, '200', tensor('UINT8', [1, 201, 1, 3], data=good[:603]), {}),
            (422, 'PNG', tensor('BYTES', [1], data=['YQ==']), {})):
        found, headers, body = (infer(request, **more) if request is not None else
                                daemon.request('POST', '/v2/models/colour/infer', body=b'{"inputs": ['))
        equal((found, headers['content-type'], list(json.loads(body))), (status, 'application/json', ['error']))
        assert part in json.loads(body)['error'], (part, body)


@ok('an Inference-Header-Content-Length that is wrong: 400')
def _():
    for size in '99999', 'x', '-1', '':
        equal(daemon.request('POST', '/v2/models/colour/infer', 'Inference-Header-Content-Length: ' + size,
                             body=b'{}')[0], 400)


@ok('a large JSON tensor takes little more memory than its body')
def _():
    big = Daemon('--default-model', 'colour')
    text = b'{"inputs":[{"name":"i","datatype":"UINT8","shape":[1,1500,1500,3],"data":[0' + b',0' * (1500 * 1500 * 3 - 1) + b']}]}'
    equal(big.request('POST', '/v2/models/colour/infer', body=text)[0], 200)
    with open('/proc/%d/status' % big.process.pid) as file:
        peak = int([line for line in file if line.startswith('VmHWM')][0].split()[1]) // 1024
    equal(big.stop(), 0)
    if 'ASAN_OPTIONS' in os.environ:  # a sanitizer keeps much more
        return
    assert peak < 250, '%d MiB' % peak  # jansson alone would take 1500 * 1500 * 3 * 40 bytes


@ok('SIGTERM ends the daemon with 0')
def _():
    equal(daemon.stop(), 0)


done()
