"""What people would put together, as a contestant of tests/bench/served, which runs it as `python3 -c`
and talks to it on its standard input: Flask behind gunicorn, Pillow for the pictures, and PyTorch or
ONNX Runtime for the network.

One line of JSON {"engine": "torch"|"onnx", "dtype": "f32"|"bf16", "workers", "threads", "reference": bytes,
"model": bytes} comes first, then as many bytes of tests/golden/reference.py and of a .pth or .onnx. It
prints {"version": ..., "port": ...} once it is ready, and serves POST /translate (a picture in, a PNG
out) until it is killed. `workers` are processes of gunicorn with the network each, on `threads` CPUs;
each has as many threads as clients may come, so that connections are kept."""

import io
import json
import sys

import flask
import numpy as np
from gunicorn.app.base import BaseApplication
from PIL import Image

CONNECTIONS = 32


def torch_network(job, reference, model):
    import torch
    net_module = type(sys)('reference')
    exec(compile(reference, 'reference.py', 'exec'), vars(net_module))
    torch.set_num_threads(job['threads'])
    net = net_module.Unet(8, 64).train()
    net.load_state_dict(torch.load(io.BytesIO(model), weights_only=True), strict=False)
    net_module.set_dropout(net, False)
    dtype = {'f32': torch.float32, 'bf16': torch.bfloat16}[job['dtype']]
    net = net.to(dtype).to(memory_format=torch.channels_last)

    def run(x):
        with torch.inference_mode():
            x = torch.from_numpy(x).to(dtype).contiguous(memory_format=torch.channels_last)
            return net(x).float().numpy()
    return run


def onnx_network(job, _, model):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job['threads']
    net = onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])
    name = net.get_inputs()[0].name
    return lambda x: net.run(None, {name: x})[0]


def make_app(job, reference, model):
    run = {'torch': torch_network, 'onnx': onnx_network}[job['engine']](job, reference, model)
    app = flask.Flask('served')

    @app.post('/translate')
    def translate():
        picture = Image.open(io.BytesIO(flask.request.get_data())).convert('RGB')
        x = np.asarray(picture, np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
        y = ((run(np.ascontiguousarray(x))[0] + 1) * 127.5).clip(0, 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(y.transpose(1, 2, 0)).save(out, 'PNG')
        return flask.Response(out.getvalue(), mimetype='image/png')

    run(np.zeros((1, 3, 256, 256), np.float32))  # what is slow the first time
    return app


def version(engine):
    module = __import__({'torch': 'torch', 'onnx': 'onnxruntime'}[engine])
    return {'torch': 'PyTorch ', 'onnx': 'ONNX Runtime '}[engine] + module.__version__


class Server(BaseApplication):
    def __init__(self, job, reference, model):
        self.job, self.reference, self.model = job, reference, model
        self.waiting = job['workers']
        super().__init__()

    def load_config(self):
        for name, value in {'bind': '127.0.0.1:0', 'workers': self.job['workers'],
                            'worker_class': 'gthread', 'threads': CONNECTIONS, 'timeout': 600,
                            'keepalive': 600, 'loglevel': 'error', 'when_ready': self.announce}.items():
            self.cfg.set(name, value)

    def announce(self, arbiter):
        print(json.dumps({'version': version(self.job['engine']),
                          'port': arbiter.LISTENERS[0].getsockname()[1]}), flush=True)

    def load(self):
        return make_app(self.job, self.reference, self.model)


def main():
    job = json.loads(sys.stdin.buffer.readline())
    reference = sys.stdin.buffer.read(job['reference'])
    model = sys.stdin.buffer.read(job['model'])
    sys.argv = ['served']
    Server(job, reference, model).run()


main()
