#!/usr/bin/python3
"""Black-box tests of POST /v1/images/edits, with the forms that OpenAI's clients send
(client.images.edit() of openai-python 1.x: httpx writes the file part, then the fields)."""

import base64
import json
import sys
import time

sys.dont_write_bytecode = True
from daemon import Daemon, done, equal, make_model, make_picture, ok  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)
make_model('grey', 'unet_32', 4, 1, 1, 2)
PICTURE = make_picture('a.png', 48, 40)
daemon = Daemon('--default-model', 'colour')


def form(fields, files):
    body = b''
    for name, value in fields:
        body += ('--b0\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name, value)).encode()
    for name, data in files:
        body += ('--b0\r\nContent-Disposition: form-data; name="%s"; filename="a.png"\r\n'
                 'Content-Type: image/png\r\n\r\n' % name).encode() + data + b'\r\n'
    return body + b'--b0--\r\n'


def edit(fields, files, *headers, query=''):
    status, headers, body = daemon.request('POST', '/v1/images/edits' + query, 'Authorization: Bearer none',
                                           'Content-Type: multipart/form-data; boundary=b0', *headers,
                                           body=form(fields, files))
    equal(headers['content-type'], 'application/json')
    return status, json.loads(body)


def translated(query):
    return daemon.request('POST', '/translate?' + query, 'Content-Type: image/png', body=PICTURE)[2]


@ok('a form of the Python client is answered with the picture that /translate gives')
def _():
    status, answer = edit([('prompt', 'a house'), ('model', 'colour'), ('n', '1'), ('size', '256x256'),
                           ('response_format', 'b64_json'), ('user', 'me'), ('quality', 'high')],
                          [('image', PICTURE)])
    equal(status, 200)
    equal(len(answer['data']), 1)
    equal(base64.b64decode(answer['data'][0]['b64_json']), translated('model=colour'))
    assert abs(answer['created'] - time.time()) < 60


@ok('image[] means the same, and its first file counts; a mask does not')
def _():
    status, answer = edit([('prompt', '')], [('mask', b'x'), ('image[]', PICTURE), ('image[]', b'x')])
    equal((status, base64.b64decode(answer['data'][0]['b64_json'])), (200, translated('model=colour')))


@ok('output_format and output_compression choose a JPEG and its quality')
def _():
    status, answer = edit([('output_format', 'jpeg'), ('output_compression', '20'), ('model', 'grey')],
                          [('image', PICTURE)])
    equal((status, answer['output_format']), (200, 'jpeg'))
    equal(base64.b64decode(answer['data'][0]['b64_json']), translated('model=grey&format=jpeg&quality=20'))


@ok('fields of /translate and a query of Azure are no hindrance')
def _():
    status, answer = edit([('fit', 'image')], [('image', PICTURE)], query='?api-version=2025-04-01')
    equal((status, base64.b64decode(answer['data'][0]['b64_json'])), (200, translated('fit=image')))


@ok("failures are errors as OpenAI's clients read them")
def _():
    for wanted, kind, part, fields, files in (
            (400, 'invalid_request_error', "'image'", [('prompt', 'x')], []),
            (404, 'invalid_request_error', 'colour, grey', [('model', 'dall-e-2')], [('image', PICTURE)]),
            (400, 'invalid_request_error', "output_format: 'webp'", [('output_format', 'webp')], [('image', PICTURE)]),
            (400, 'invalid_request_error', "output_compression: '0' is out of range, allowed: 1..100",
             [('output_compression', '0')], [('image', PICTURE)]),
            (400, 'invalid_request_error', "'output_format' is given twice",
             [('output_format', 'png'), ('output_format', 'jpeg')], [('image', PICTURE)]),
            (422, 'invalid_request_error', 'PNG', [], [('image', b'GIF89a' + bytes(20))])):
        status, answer = edit(fields, files)
        error = answer['error']
        equal((status, error['type'], error['param'], sorted(error)),
              (wanted, kind, None, ['code', 'message', 'param', 'type']))
        assert part in error['message'], error


@ok('a body that is no form: 415 in the same form')
def _():
    status, headers, body = daemon.request('POST', '/v1/images/edits', 'Content-Type: image/png', body=PICTURE)
    equal((status, headers['content-type'], list(json.loads(body))), (415, 'application/json', ['error']))


@ok('GET is 405 with Allow, and foreign web pages are refused')
def _():
    status, headers, _ = daemon.get('/v1/images/edits')
    equal((status, headers['allow']), (405, 'POST, OPTIONS'))
    equal(edit([], [('image', PICTURE)], 'Origin: https://evil.example')[0], 403)


@ok('SIGTERM ends the daemon with 0')
def _():
    equal(daemon.stop(), 0)


done()
