#!/usr/bin/env python3
"""record.py URL CLIENT...: makes the *.http files of this folder: what published clients send to a daemon at
URL that serves the models `colour` and `grey` of ../clients.py. The clients are tritonclient, kserve,
openai-python, and openai-node with its package installed in the current folder. README.md has their versions.
No test runs this, because tests need no packages."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))
from pixels import pattern, planes, png  # noqa: E402

SIDE = 8
PIXELS = pattern(SIDE)

daemon = urlsplit(sys.argv[1])


def read_message(stream):
    """A whole HTTP message with a Content-Length."""
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        line = stream.readline()
        if not line:
            return head
        head += line
    size = [int(line.split(b':')[1]) for line in head.lower().split(b'\r\n') if line.startswith(b'content-length:')]
    return head + stream.read(size[0] if size else 0)


class Recorder:
    """A proxy that keeps the last request as it came."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.address = '127.0.0.1:%d' % self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            threading.Thread(target=self.forward, args=(self.listener.accept()[0],), daemon=True).start()

    def forward(self, client):
        stream = client.makefile('rb')
        while True:
            message = read_message(stream)
            if not message:
                return
            self.last = message
            with socket.create_connection((daemon.hostname, daemon.port)) as server:
                server.sendall(self.last)
                client.sendall(read_message(server.makefile('rb')))

    def save(self, name):
        with open(os.path.join(HERE, name + '.http'), 'wb') as file:
            file.write(self.last)


recorder = Recorder()
array = numpy.frombuffer(PIXELS, numpy.uint8).reshape(1, SIDE, SIDE, 3)
PNG = png(PIXELS, SIDE, SIDE, 3)


def save_tritonclient():
    import tritonclient.http as http
    client = http.InferenceServerClient(recorder.address)

    def tensor(datatype, data, binary=True):
        tensor = http.InferInput('image', list(data.shape), datatype)
        tensor.set_data_from_numpy(data, binary_data=binary)
        return [tensor]

    def infer(name, *arguments, **more):
        result = client.infer('colour', *arguments, **more)
        recorder.save('tritonclient-' + name)
        return result.as_numpy('output')

    for name, call in (('live', client.is_server_live), ('ready', client.is_server_ready),
                       ('server', client.get_server_metadata),
                       ('model', lambda: client.get_model_metadata('colour')),
                       ('model-ready', lambda: client.is_model_ready('colour')),
                       ('model-ready-version', lambda: client.is_model_ready('colour', '1'))):
        print(name, call())
        recorder.save('tritonclient-' + name)
    print(infer('uint8', tensor('UINT8', array)).shape)
    print(infer('uint8-gzip-answer', tensor('UINT8', array), response_compression_algorithm='gzip').shape)
    output = http.InferRequestedOutput('output', binary_data=True)
    floats = (numpy.frombuffer(planes(PIXELS), numpy.uint8).reshape(1, 3, SIDE, SIDE) / 127.5 - 1).astype(numpy.float32)
    print(infer('fp32', tensor('FP32', floats), outputs=[output], request_id='7', priority=1, timeout=1000000).shape)
    output = http.InferRequestedOutput('output', binary_data=False)
    print(infer('json', tensor('UINT8', array, binary=False), model_version='1', outputs=[output]).shape)
    print(len(infer('bytes', tensor('BYTES', numpy.array([PNG], dtype=numpy.object_)),
                    parameters={'fit': 'image', 'format': 'png'})[0]))
    for name, call in (('no-model', lambda: client.infer('none', tensor('UINT8', array))),
                       ('gzip', lambda: infer('gzip', tensor('UINT8', array), request_compression_algorithm='gzip')),
                       ('config', lambda: client.get_model_config('colour')),
                       ('index', client.get_model_repository_index)):
        try:
            call()
            print(name, 'was answered')
        except http.InferenceServerException as error:
            print(name, error)
        recorder.save('tritonclient-' + name)


async def save_kserve():
    from kserve.inference_client import InferenceRESTClient, RESTConfig
    from kserve.protocol.infer_type import InferInput, InferRequest
    client, url = InferenceRESTClient(RESTConfig(protocol='v2')), 'http://' + recorder.address
    for name, call in (('live', client.is_server_live(url)), ('ready', client.is_server_ready(url)),
                       ('model-ready', client.is_model_ready(url, 'colour'))):
        print(name, await call)
        recorder.save('kserve-' + name)
    for name, binary in ('json', False), ('binary', True):
        tensor = InferInput('image', list(array.shape), 'UINT8')
        tensor.set_data_from_numpy(array, binary_data=binary)
        answer = await client.infer(url, InferRequest('colour', [tensor], '7'), 'colour')
        print(name, answer.outputs[0].as_numpy().shape)
        recorder.save('kserve-' + name)


def save_openai():
    import openai
    client = openai.OpenAI(api_key='none', base_url=f'http://{recorder.address}/v1', max_retries=0)
    file = ('sketch.png', PNG, 'image/png')
    for name, fields in (('plain', {'image': file}),
                         ('all', {'image': file, 'model': 'colour', 'n': 1, 'size': '256x256', 'quality': 'high',
                                  'response_format': 'b64_json', 'user': 'me', 'background': 'opaque'}),
                         ('list', {'image': [file, file], 'model': 'grey', 'output_format': 'jpeg',
                                   'output_compression': 20}),
                         ('no-model', {'image': file, 'model': 'gpt-image-1'})):
        try:
            print(name, len(client.images.edit(prompt='a house', **fields).data[0].b64_json))
        except openai.APIError as error:
            print(name, error)
        recorder.save('openai-python-' + name)


def save_openai_node():
    with open('sketch.png', 'wb') as file:
        file.write(PNG)
    script = os.path.join(os.path.dirname(HERE), 'npm', 'openai.mjs')
    shutil.copy(script, '.')
    subprocess.run(['node', 'openai.mjs', 'http://' + recorder.address, 'sketch.png', 'out.png'], check=True)
    recorder.save('openai-node')


if __name__ == '__main__':
    for client in sys.argv[2:]:
        if client == 'kserve':
            asyncio.run(save_kserve())
        else:
            {'tritonclient': save_tritonclient, 'openai-python': save_openai, 'openai-node': save_openai_node}[client]()
