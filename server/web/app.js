// The page: a drawing area on the left, the daemon's answer on the right.
import { LABELS, house, drawLabels, drawLines } from './house.js';

const $ = (id) => document.getElementById(id);
const canvas = $('canvas'), context = canvas.getContext('2d', { willReadFrequently: true });
const SIZE = canvas.width, UNDO_STEPS = 40;

const state = {
  mode: 'lines',   // or 'labels'
  label: 'window',
  touched: false,  // the user drew something: do not replace it unasked
  file: null,      // a picture that was opened and not drawn on: it is sent as it is
  undo: [],        // earlier pictures, the latest last
  start: null,     // where the stroke under way began
  before: null,    // the picture before it
  seed: null,      // of the dropout; null: off
};

// --- drawing -------------------------------------------------------------------------------------

const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
const blank = () => (state.mode === 'labels' ? LABELS.background : '#ffffff');

function snapshot() {
  return { pixels: context.getImageData(0, 0, SIZE, SIZE), file: state.file };
}

function remember(picture = snapshot()) {
  state.undo.push(picture);
  if (state.undo.length > UNDO_STEPS) state.undo.shift();
  $('undo').disabled = false;
}

function changed(touched = true) {
  state.touched = touched;
  if ($('live').checked) translate();
}

function rectangle(from, to) {
  context.fillStyle = LABELS[state.label];
  const x = Math.round(Math.min(from.x, to.x)), y = Math.round(Math.min(from.y, to.y));
  context.fillRect(x, y, Math.round(Math.abs(to.x - from.x)), Math.round(Math.abs(to.y - from.y)));
}

function segment(from, to) {
  const eraser = chosen('tool') === 'eraser';
  context.strokeStyle = eraser ? '#ffffff' : '#262626';
  context.lineWidth = Number($('width').value) * (eraser ? 5 : 1);
  context.lineCap = 'round';
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x + 0.01, to.y); // so that a tap leaves a dot
  context.stroke();
}

function penDown(at) {
  state.before = snapshot();
  state.start = at;
  state.file = null;
  if (state.mode === 'lines' && chosen('tool') !== 'line') segment(at, at);
}

function penMove(at) {
  if (!state.start) return;
  if (state.mode === 'lines' && chosen('tool') !== 'line') {
    segment(state.start, at);
    state.start = at;
    return;
  }
  context.putImageData(state.before.pixels, 0, 0); // a rubber band
  if (state.mode === 'labels') rectangle(state.start, at);
  else segment(state.start, at);
}

function penUp() {
  if (!state.start) return;
  state.start = null;
  remember(state.before);
  changed();
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  return { x: ((event.clientX - box.left) * SIZE) / box.width, y: ((event.clientY - box.top) * SIZE) / box.height };
}

canvas.addEventListener('pointerdown', (event) => {
  if (event.button !== 0 || state.start) return;
  canvas.setPointerCapture(event.pointerId);
  $('pen').hidden = true;
  penDown(place(event));
});
canvas.addEventListener('pointermove', (event) => {
  if (!canvas.hasPointerCapture(event.pointerId)) return;
  for (const e of event.getCoalescedEvents?.() ?? [event]) penMove(place(e));
});
canvas.addEventListener('pointerup', penUp);
canvas.addEventListener('pointercancel', penUp);

// The keyboard has a pen of its own.
const pen = { x: SIZE / 2, y: SIZE / 2 };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function showPen() {
  $('pen').hidden = false;
  $('pen').style.left = `${(pen.x / SIZE) * 100}%`;
  $('pen').style.top = `${(pen.y / SIZE) * 100}%`;
  $('pen').classList.toggle('down', state.start !== null);
}
canvas.addEventListener('keydown', (event) => {
  const arrow = ARROWS[event.key];
  if (arrow) {
    const step = event.shiftKey ? 32 : 6;
    pen.x = Math.min(SIZE, Math.max(0, pen.x + arrow[0] * step));
    pen.y = Math.min(SIZE, Math.max(0, pen.y + arrow[1] * step));
    penMove({ ...pen });
  } else if (event.key === ' ' || event.key === 'Enter') {
    if (state.start) penUp();
    else penDown({ ...pen });
  } else {
    return;
  }
  event.preventDefault();
  showPen();
});
canvas.addEventListener('blur', () => {
  penUp();
  $('pen').hidden = true;
});

function undo() {
  const picture = state.undo.pop();
  if (!picture) return;
  context.putImageData(picture.pixels, 0, 0);
  state.file = picture.file;
  $('undo').disabled = state.undo.length === 0;
  changed();
}
$('undo').addEventListener('click', undo);
document.addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === 'z') {
    event.preventDefault();
    undo();
  }
});
$('clear').addEventListener('click', () => {
  remember();
  state.file = null;
  context.fillStyle = blank();
  context.fillRect(0, 0, SIZE, SIZE);
  changed();
});

// --- examples, modes, files ----------------------------------------------------------------------

function drawHouse(to, size, seed) {
  if (state.mode === 'labels') drawLabels(to, house(seed), size);
  else drawLines(to, house(seed), size, seed);
}

function showHouse(seed, touched) {
  state.file = null;
  drawHouse(context, SIZE, seed);
  changed(touched);
}

function fillExamples(seeds) {
  for (const old of document.querySelectorAll('#examples .example')) old.remove();
  seeds.forEach((seed, i) => {
    const button = document.createElement('button'), small = document.createElement('canvas');
    button.type = 'button';
    button.className = 'example';
    button.setAttribute('aria-label', `Example ${i + 1}`);
    small.width = small.height = 128;
    drawHouse(small.getContext('2d'), 128, seed);
    button.append(small);
    button.addEventListener('click', () => {
      remember();
      showHouse(seed, false);
    });
    $('examples').insertBefore(button, $('shuffle'));
  });
  state.examples = seeds;
}
$('shuffle').addEventListener('click', () =>
  fillExamples(state.examples.map(() => Math.floor(Math.random() * 2 ** 31))));

function setMode(mode) {
  state.mode = mode;
  document.querySelector(`input[name="mode"][value="${mode}"]`).checked = true;
  $('line-tools').hidden = mode !== 'lines';
  $('label-tools').hidden = mode !== 'labels';
  fillExamples(state.examples);
  if (!state.touched && !state.file) showHouse(state.examples[0], false);
}
for (const radio of document.querySelectorAll('input[name="mode"]'))
  radio.addEventListener('change', () => setMode(radio.value));

for (const [name, colour] of Object.entries(LABELS)) {
  const label = document.createElement('label'), radio = document.createElement('input'), text = document.createElement('span');
  radio.type = 'radio';
  radio.name = 'label';
  radio.value = name;
  radio.checked = name === state.label;
  radio.addEventListener('change', () => { state.label = name; });
  text.textContent = name;
  text.style.setProperty('--swatch', colour);
  label.append(radio, text);
  $('label-tools').append(label);
}

async function open(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    say(`${file.name} is not a picture that this browser can read.`, true);
    return;
  }
  remember();
  context.drawImage(bitmap, 0, 0, SIZE, SIZE);
  state.file = file;
  changed();
}
$('file').addEventListener('change', () => {
  if ($('file').files.length > 0) open($('file').files[0]);
  $('file').value = '';
});
$('drop').addEventListener('dragover', (event) => {
  event.preventDefault();
  $('drop').classList.add('over');
});
$('drop').addEventListener('dragleave', () => $('drop').classList.remove('over'));
$('drop').addEventListener('drop', (event) => {
  event.preventDefault();
  $('drop').classList.remove('over');
  if (event.dataTransfer.files.length > 0) open(event.dataTransfer.files[0]);
});
document.addEventListener('paste', (event) => {
  if (event.clipboardData.files.length > 0) open(event.clipboardData.files[0]);
});

// --- asking the daemon ---------------------------------------------------------------------------

let asking = false, again = false, address = null;

function say(text, error = false) {
  $('status').textContent = text;
  $('status').classList.toggle('error', error);
}

const sketchBlob = () => new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));

function toBlob(base64, type) {
  return new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], { type });
}

function show(answer, ms) {
  if (address) URL.revokeObjectURL(address);
  address = URL.createObjectURL(toBlob(answer.image, `image/${answer.format}`));
  $('answer').src = address;
  $('answer').hidden = false;
  $('empty').hidden = true;
  $('save').href = address;
  $('save').removeAttribute('aria-disabled');
  const t = answer.timings;
  say(`${answer.width} × ${answer.height} in ${Math.round(ms)} ms, of which the model took ${t.infer_ms.toFixed(1)} ms` +
    (state.seed === null ? '' : `, dropout seed ${state.seed}`));
}

async function ask() {
  const form = new FormData();
  form.append('image', state.file ?? (await sketchBlob()), 'sketch');
  form.append('model', $('model').value);
  form.append('fit', $('fit').value);
  if (state.seed !== null) form.append('dropout', state.seed);
  const start = performance.now();
  const response = await fetch('translate', { method: 'POST', body: form, headers: { Accept: 'application/json' } });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail ?? response.statusText);
  show(answer, performance.now() - start);
}

// One request at a time; what was drawn meanwhile is sent afterwards, once.
async function translate() {
  again = true;
  if (asking) return;
  asking = true;
  $('answer-stage').classList.add('busy');
  while (again) {
    again = false;
    try {
      await ask();
    } catch (error) {
      say(error.message, true);
    }
  }
  $('answer-stage').classList.remove('busy');
  asking = false;
}

$('translate').addEventListener('click', () => {
  state.seed = null;
  translate();
});
$('vary').addEventListener('click', () => {
  state.seed = Math.floor(Math.random() * 2 ** 31);
  translate();
});
$('fit').addEventListener('change', translate);

async function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
$('save-sketch').addEventListener('click', async () => save(await sketchBlob(), 'sketch.png'));

// --- start ---------------------------------------------------------------------------------------

function modelChosen() {
  const model = $('model').value;
  $('curl').textContent = `curl -F image=@sketch.png -F model=${model} ${new URL('translate', location.href)} -o picture.png`;
  // Models for label maps usually say so in their name.
  const mode = /label|block|seg|map/i.test(model) ? 'labels' : 'lines';
  if (!state.touched && mode !== state.mode) setMode(mode);
  else if ($('live').checked) translate();
}

async function start() {
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, SIZE, SIZE);
  $('undo').disabled = true;
  fillExamples([7, 12, 3, 21]);
  drawHouse(context, SIZE, state.examples[0]);
  try {
    const { models } = await (await fetch('models')).json();
    for (const m of models) {
      const text = `${m.name} (${m.architecture}, ${m.size} px, ${m.dtype})`;
      $('model').add(new Option(text, m.name, m.default, m.default));
    }
  } catch {
    say('The daemon does not answer.', true);
    return;
  }
  modelChosen();
}
$('model').addEventListener('change', modelChosen);
start();
