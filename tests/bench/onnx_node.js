'use strict';
// ONNX Runtime as npm's onnxruntime-node carries it, as a contestant of tests/bench/compare:
//
//     node onnx_node.js FOLDER MODEL.onnx
//
// FOLDER is the one in which `npm install onnxruntime-node --ignore-scripts` ran. Answers each line
// of standard input, as onnx_bench.py does: one JSON object each way.

const path = require('path');
const readline = require('readline');
const { performance } = require('perf_hooks');

const WARM_UP = 3;
const SIZE = 256;
const [folder, model] = process.argv.slice(2);
const home = path.join(path.resolve(folder), 'node_modules');
const ort = require(path.join(home, 'onnxruntime-node'));
const { version } = require(path.join(home, 'onnxruntime-node', 'package.json'));

// Noise, the same in every run: a linear congruential generator.
function pictures(batch) {
    const data = new Float32Array(batch * 3 * SIZE * SIZE);
    let state = 1;
    for (let i = 0; i < data.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        data[i] = (state >>> 24) / 127.5 - 1;
    }
    return new ort.Tensor('float32', data, [batch, 3, SIZE, SIZE]);
}

function median(sorted) {
    const middle = sorted.length / 2;
    return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle) - 1]) / 2;
}

async function timed(session, batch, runs) {
    const input = { [session.inputNames[0]]: pictures(batch) };
    const times = [];
    for (let i = 0; i < WARM_UP + runs; i++) {
        const start = performance.now();
        await session.run(input);
        if (i >= WARM_UP) times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    return { median_ms: median(times), min_ms: times[0] };
}

async function main() {
    let session = null;
    console.log(JSON.stringify({ version: 'ONNX Runtime ' + version }));
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const job = JSON.parse(line);
        session = session || await ort.InferenceSession.create(model, {
            executionProviders: ['cpu'],
            executionMode: 'sequential',
            graphOptimizationLevel: 'all',
            intraOpNumThreads: job.threads,
            interOpNumThreads: 1,
        });
        console.log(JSON.stringify(await timed(session, job.batch, job.runs)));
    }
}

main();
