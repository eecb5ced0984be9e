"""ONNX Runtime as a contestant of tests/bench/compare; see torch_bench.py for how they talk. It only
infers, in f32, and takes a .onnx as its model.

One thread pool of the asked size with the nodes one after another, which is what suits a network
without branches; the pictures are converted before the timing."""

import json
import statistics
import sys
import time

import numpy as np
import onnxruntime

WARM_UP, SIZE = 3, 256


def session(model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])


def timed(net, batch, runs):
    pixels = np.random.default_rng(1).integers(0, 256, (batch, 3, SIZE, SIZE))
    x = {net.get_inputs()[0].name: (pixels / 127.5 - 1).astype(np.float32)}
    times = []
    for i in range(WARM_UP + runs):
        start = time.perf_counter()
        net.run(None, x)
        if i >= WARM_UP:
            times.append((time.perf_counter() - start) * 1e3)
    return {'median_ms': statistics.median(times), 'min_ms': min(times)}


def main():
    sizes = json.loads(sys.stdin.buffer.readline())
    model = sys.stdin.buffer.read(sizes['model'])
    print(json.dumps({'version': 'ONNX Runtime ' + onnxruntime.__version__}), flush=True)
    net = None
    for line in sys.stdin.buffer:
        job = json.loads(line)
        net = net or session(model, job['threads'])
        print(json.dumps(timed(net, job['batch'], job['runs'])), flush=True)


main()
