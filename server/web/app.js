// The page: what is chosen, who draws, who asks. Everything else is in the other files.
import { Asker, send } from './ask.js';
import { Camera, cameraTrouble } from './camera.js';
import { house, lines } from './house.js';
import { fetchWithKey, hasKey } from './key.js';
import { keyboardPen } from './keyboard.js';
import { CMP, drawLabels } from './labels.js';
import { PARTS, lengthOf, paint } from './parts.js';
import { Sketch } from './sketch.js';
import { SNIPPETS } from './snippets.js';
import { keep, load, remember, toBitmap, toUrl } from './store.js';

const $ = (id) => document.getElementById(id);
const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`)?.value;
const radios = (name) => document.querySelectorAll(`input[name="${name}"]`);

const state = {
  models: [],
  mode: 'lines', // what the model takes: lines, labels or a photo (drawn on like lines)
  part: 'window',
  colour: CMP[3].colour,
  seed: null,    // of the dropout; null: off
  language: 'curl',
  last: null,    // the newest answer's Blob
  seeds: [12, 7, 3, 21], // of the houses that are examples for a model without its own
  examples: [],
};
const model = () => state.models.find((m) => m.name === $('model').value) ?? { name: '', size: 256 };
const palette = () => (model().palette?.length ? model().palette : CMP);

// --- talking to people ---------------------------------------------------------------------------

let announcing = null;

// Shows a line; a screen reader hears errors at once and the rest when it has settled.
function say(text, error = false) {
  $('status').textContent = text;
  $('status').classList.toggle('error', error);
  clearTimeout(announcing);
  announcing = setTimeout(() => { $('announce').textContent = text; }, error ? 0 : 1200);
}

// --- drawing and asking --------------------------------------------------------------------------

const tools = () => ({
  mode: state.mode === 'labels' ? 'labels' : 'lines',
  tool: state.mode === 'labels' ? chosen('label-tool') : chosen('tool'),
  part: state.part,
  colour: state.colour,
  width: Number($('width').value),
});

let settling = null;

const sketch = new Sketch($('canvas'), {
  tools,
  changed: (settled) => {
    if (settled || sketch.touched) $('hint').hidden = true;
    asker.ask();
    clearTimeout(settling);
    if (settled) settling = setTimeout(keepDrawing, 1500);
  },
  history: (undo, redo) => {
    $('undo').disabled = undo === 0;
    $('redo').disabled = redo === 0;
  },
});

function query() {
  const fields = { model: model().name };
  if ($('fit').value !== 'model') fields.fit = $('fit').value;
  if (state.seed !== null) fields.dropout = state.seed;
  return fields;
}

// The drawing as it is sent: at the model's size where that is what it is computed at.
function body() {
  const side = model().size;
  return $('fit').value === 'model'
    ? sketch.blob('image/png', side, side, state.mode !== 'labels')
    : sketch.blob('image/png');
}

// Fills a small canvas with a picture.
async function fill(canvas, blob) {
  const bitmap = await createImageBitmap(blob);
  canvas.getContext('2d').drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
}

// Draws an answer in the sketch's shape and closes its bitmap.
async function draw(canvas, blob) {
  const bitmap = await createImageBitmap(blob), { width, height } = bitmap;
  Object.assign(canvas, { width, height });
  canvas.style.setProperty('--aspect', sketch.canvas.width / sketch.canvas.height);
  canvas.getContext('2d').drawImage(bitmap, 0, 0);
  bitmap.close();
  return `${width} × ${height}`;
}

async function show({ blob, infer }, ms) {
  const size = await draw($('answer'), blob);
  state.last = blob;
  $('answer-stage').classList.add('full');
  if (ms !== undefined)
    say(`${size} in ${Math.round(ms)} ms` + (infer === null ? '' : `, the model took ${infer.toFixed(1)} ms`) +
      (state.seed === null ? '' : `, dropout seed ${state.seed}`));
}

const asker = new Asker({
  make: async () => ({ body: await body(), query: { ...query(), format: 'jpeg' } }),
  show,
  tell: (text) => say(text, true),
  busy: (on) => $('answer-stage').classList.toggle('busy', on),
});

async function keepDrawing() {
  if (sketch.drawing || camera.on) return;
  if (!sketch.touched) {
    keep('drawing', null);
    return;
  }
  keep('drawing', { url: await toUrl(await sketch.blob()) });
  if (state.last) {
    const small = await toUrl(await sketch.blob('image/png', ...thumbnailSize()));
    showMine(remember({ sketch: small, answer: await toUrl(state.last) }));
  }
}

const thumbnailSize = () => {
  const { width, height } = sketch.canvas, k = 256 / Math.max(width, height);
  return [Math.max(1, Math.round(width * k)), Math.max(1, Math.round(height * k))];
};

// --- examples, one's own pictures, variations ----------------------------------------------------

function pairButton(label, paintSketch, paintAnswer, use) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'pair';
  button.setAttribute('aria-label', label);
  for (const fill of [paintSketch, paintAnswer]) {
    const canvas = Object.assign(document.createElement('canvas'), { width: 128, height: 128 });
    button.append(canvas);
    fill?.(canvas);
  }
  button.addEventListener('click', use);
  return button;
}

function drawHouse(context, size, seed) {
  const parts = house(seed);
  if (state.mode === 'labels') {
    drawLabels(context, parts, size, palette());
    return;
  }
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, size, size);
  paint(context, lines(parts, seed), size / 256);
}

// Examples are pictures of the model's card, else houses by code. paint(context, side) fills a square.
const pictureExample = (url) => ({
  paint: async (context, side) => {
    const bitmap = await toBitmap(url);
    context.drawImage(bitmap, 0, 0, side, side);
    bitmap.close();
  },
  use: async () => sketch.open(await toBitmap(url), false),
});
const houseExample = (seed) => ({
  paint: async (context, side) => drawHouse(context, side, seed),
  use: async () => sketch.replace((context, side) => drawHouse(context, side, seed)),
});

function examplesOf({ examples }) {
  if (examples?.length) return examples.map(pictureExample);
  return state.mode === 'photo' ? [] : state.seeds.map(houseExample);
}

async function exampleAnswer(canvas, example) {
  const side = model().size, full = Object.assign(document.createElement('canvas'), { width: side, height: side });
  await example.paint(full.getContext('2d'), side);
  const blob = await new Promise((resolve) => full.toBlob(resolve, 'image/png'));
  await fill(canvas, (await send(blob, { model: model().name, format: 'jpeg' })).blob);
}

// One after the other, so that a drawing never waits for more than one of them.
async function fillExamples() {
  const examples = examplesOf(model());
  state.examples = examples;
  $('shuffle').hidden = examples.length === 0 || model().examples?.length > 0;
  $('examples').replaceChildren(...examples.map((example, i) => pairButton(`Example ${i + 1}`,
    (canvas) => example.paint(canvas.getContext('2d'), canvas.width).catch(() => {}), null,
    () => example.use().catch(() => say('This example cannot be read as a picture.', true)))));
  for (const [i, example] of examples.entries()) {
    const canvas = $('examples').children[i].lastChild;
    await exampleAnswer(canvas, example).catch(() => {});
    if (state.examples !== examples) return;
  }
}

// What a sheet shows that nobody has drawn on: an example, or how to begin.
async function showExample() {
  if (state.examples.length > 0) {
    await state.examples[0].use().catch(() => {});
    return;
  }
  sketch.resize(512, 512);
  $('answer-stage').classList.remove('full');
  $('hint').textContent = 'Open a photo, drop one here, or start the camera.';
  $('hint').hidden = false;
}

function showMine(pairs) {
  const image = (url) => async (canvas) => {
    const bitmap = await toBitmap(url), k = canvas.width / Math.max(bitmap.width, bitmap.height);
    canvas.getContext('2d').drawImage(bitmap, (canvas.width - bitmap.width * k) / 2,
      (canvas.height - bitmap.height * k) / 2, bitmap.width * k, bitmap.height * k);
    bitmap.close();
  };
  $('mine').replaceChildren(...pairs.map((pair, i) => pairButton(`Your picture ${i + 1}`,
    image(pair.sketch), image(pair.answer), async () => sketch.open(await toBitmap(pair.sketch)))));
}

async function showVariations() {
  const seeds = Array.from({ length: 4 }, () => Math.floor(Math.random() * 2 ** 31)), picture = await body();
  $('variations').replaceChildren();
  for (const seed of seeds) {
    const button = document.createElement('button');
    const canvas = Object.assign(document.createElement('canvas'), { width: 128, height: 128 });
    button.type = 'button';
    button.setAttribute('aria-label', `Dropout seed ${seed}`);
    button.append(canvas);
    button.addEventListener('click', () => {
      state.seed = seed;
      $('steady').disabled = false;
      chosenChanged();
    });
    try {
      await fill(canvas, (await send(picture, { ...query(), dropout: seed, format: 'jpeg' })).blob);
      $('variations').append(button);
    } catch (trouble) {
      say(trouble.message, true);
      return;
    }
  }
}

// The first example draws itself while the picture follows.
function introduce(seed) {
  const operations = lines(house(seed), seed), start = performance.now(), total = 1500;
  const length = lengthOf(operations);
  $('hint').hidden = false;
  const step = (now) => {
    if (sketch.touched || sketch.drawing) return;
    const part = Math.min(1, (now - start) / total);
    sketch.resize(512, 512);
    paint(sketch.context, operations, 2, undefined, part === 1 ? Infinity : part * length);
    asker.ask();
    if (part < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

// --- files ---------------------------------------------------------------------------------------

async function open(file) {
  camera.stop();
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    say(`This browser cannot read ${file.name || 'that'} as a picture.`, true);
    return;
  }
  sketch.open(bitmap);
  bitmap.close();
}

function save(blob, name) {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// The answer once more, as PNG: what is shown while one draws is JPEG.
const answerPng = async () => (await send(await body(), { ...query(), format: 'png' }, { accept: 'image/png' })).blob;

async function bothPng() {
  const answer = await createImageBitmap(await answerPng()), { width, height } = sketch.canvas;
  const canvas = Object.assign(document.createElement('canvas'), { width: 2 * width, height });
  canvas.getContext('2d').drawImage(sketch.canvas, 0, 0);
  canvas.getContext('2d').drawImage(answer, width, 0, width, height);
  answer.close();
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

function saving(make, name) {
  return async () => {
    document.querySelector('.menu').open = false;
    try {
      save(await make(), `${model().name || 'picture'}${name}.png`);
    } catch (trouble) {
      say(trouble.message, true);
    }
  };
}

async function copy() {
  document.querySelector('.menu').open = false;
  try {
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': answerPng() })]);
    say('Copied.');
  } catch {
    say(window.isSecureContext ? 'The browser did not let the picture be copied.' : 'Copying needs HTTPS or localhost; save it instead.', true);
  }
}

// --- choices -------------------------------------------------------------------------------------

function choice(group, name, { value, title, swatch, checked }, pick) {
  const label = document.createElement('label'), radio = document.createElement('input'), text = document.createElement('span');
  Object.assign(radio, { type: 'radio', name, value, checked });
  radio.addEventListener('change', () => pick(value));
  text.textContent = title;
  if (swatch) text.style.setProperty('--swatch', swatch);
  label.append(radio, text);
  group.append(label);
}

function fillPalette() {
  $('palette').replaceChildren();
  state.colour = (palette()[3] ?? palette()[0]).colour;
  for (const { name, colour } of palette())
    choice($('palette'), 'label', { value: colour, title: name, swatch: colour, checked: colour === state.colour },
      (value) => { state.colour = value; });
}

function showTools() {
  const labels = state.mode === 'labels', part = document.querySelector('input[name="tool"][value="part"]');
  part.parentElement.hidden = state.mode === 'photo';
  if (state.mode === 'photo' && part.checked) document.querySelector('input[name="tool"]').checked = true;
  $('line-tools').hidden = labels;
  $('label-tools').hidden = $('palette').hidden = !labels;
  $('parts').hidden = labels || chosen('tool') !== 'part';
  $('width-label').hidden = labels ? chosen('label-tool') !== 'brush' : ['part'].includes(chosen('tool'));
}

// Anything that changes the answer but not the drawing.
function chosenChanged() {
  const fields = query();
  $('snippet').textContent = SNIPPETS[state.language](new URL('translate', location.href).href, fields, hasKey());
  keep('choices', { model: model().name, fit: $('fit').value, width: $('width').value });
  const blank = !sketch.touched && state.examples.length === 0;
  if (!camera.on && !blank) asker.ask();
}

// What the page says of each kind of input, unless the model's card does.
const MODES = {
  lines: { sheet: 'Sketch', description: 'Draw on the left; the model paints on the right.' },
  labels: { sheet: 'Label map', description: 'Paint a label map; the model paints the picture.' },
  photo: { sheet: 'Photo', description: 'Open a photo or start the camera; the model turns it into another picture.' },
};

// `width`: of the pen, as the slider has it.
function modelChosen(width = model().line_width * 2) {
  const m = model();
  state.mode = document.body.dataset.mode = Object.hasOwn(MODES, m.input ?? '') ? m.input : 'lines';
  document.title = m.title ?? `${m.name} · pix2pixd`;
  $('title').textContent = m.title ?? m.name;
  $('description').textContent = m.description ?? MODES[state.mode].description;
  $('canvas').setAttribute('aria-label', MODES[state.mode].sheet);
  $('facts').textContent = `${m.name}: ${m.architecture ?? ''}, ${m.size} pixels, computed in ${m.dtype ?? ''}.`;
  if (width) $('width').value = width;
  fillPalette();
  showTools();
  fillExamples();
  chosenChanged();
}

// An untouched sheet goes with the model.
function anotherModel() {
  const { mode } = state;
  modelChosen();
  if (!sketch.touched && !camera.on && (mode !== state.mode || model().examples?.length)) showExample();
}

// By title; two of one title by name, too.
function fillModels() {
  const titles = state.models.map((m) => m.title ?? m.name);
  for (const [i, m] of state.models.entries()) {
    const twice = titles.indexOf(titles[i]) !== titles.lastIndexOf(titles[i]);
    $('model').add(new Option(twice ? `${titles[i]} (${m.name})` : titles[i], m.name, m.default, m.default));
  }
}

async function loadModels() {
  for (let wait = 500; ; wait = Math.min(4000, wait * 2)) {
    try {
      const response = await fetchWithKey('models', () => ({ signal: AbortSignal.timeout(5000) }));
      if (response.ok) return (await response.json()).models;
      say('The server is starting. Trying again…', true);
    } catch {
      say('The server cannot be reached. Trying again…', true);
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

// --- start ---------------------------------------------------------------------------------------

const camera = new Camera({
  sketch,
  query,
  size: () => model().size,
  show: (answer) => show(answer),
  tell: say,
});

async function toggleCamera() {
  if (camera.on) {
    camera.stop();
  } else {
    try {
      await camera.start();
      $('hint').hidden = true;
    } catch (error) {
      say(error.message, true);
    }
  }
  $('camera').setAttribute('aria-pressed', camera.on);
  $('camera').textContent = camera.on ? 'Take a still' : 'Camera';
}

function wire() {
  $('undo').addEventListener('click', () => sketch.undo());
  $('redo').addEventListener('click', () => sketch.redo());
  $('clear').addEventListener('click', () => sketch.clear(state.mode === 'labels' ? palette()[0].colour : undefined));
  $('shuffle').addEventListener('click', () => {
    state.seeds = state.seeds.map(() => Math.floor(Math.random() * 2 ** 31));
    fillExamples();
  });
  $('vary').addEventListener('click', showVariations);
  $('steady').addEventListener('click', () => {
    state.seed = null;
    $('steady').disabled = true;
    chosenChanged();
  });
  $('camera').addEventListener('click', toggleCamera);
  if (cameraTrouble()) $('camera').title = cameraTrouble();
  $('save-answer').addEventListener('click', saving(answerPng, ''));
  $('save-sketch').addEventListener('click', saving(() => sketch.blob(), '-sketch'));
  $('save-both').addEventListener('click', saving(bothPng, '-both'));
  $('copy').addEventListener('click', copy);
  $('fit').addEventListener('change', chosenChanged);
  $('model').addEventListener('change', anotherModel);
  for (const name of ['tool', 'label-tool'])
    for (const radio of radios(name)) radio.addEventListener('change', showTools);
  for (const [value, { title }] of Object.entries(PARTS))
    choice($('parts'), 'part', { value, title, checked: value === state.part }, (name) => { state.part = name; });
  for (const language of Object.keys(SNIPPETS))
    choice($('languages'), 'language', { value: language, title: language, checked: language === state.language }, (name) => {
      state.language = name;
      chosenChanged();
    });
  $('file').addEventListener('change', () => {
    if ($('file').files.length > 0) open($('file').files[0]);
    $('file').value = '';
  });
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => { // beside the sketch, too: the browser would leave the page
    event.preventDefault();
    if (event.dataTransfer.files.length > 0) open(event.dataTransfer.files[0]);
  });
  document.addEventListener('paste', (event) => {
    if (event.clipboardData.files.length > 0) open(event.clipboardData.files[0]);
  });
  keyboardPen(sketch, $('pen'));
}

async function start() {
  const choices = load('choices', {}), drawing = load('drawing');
  wire();
  showMine(load('mine', []));
  state.models = await loadModels();
  fillModels();
  if (state.models.some((m) => m.name === choices.model)) $('model').value = choices.model;
  if (choices.fit) $('fit').value = choices.fit;
  $('model-label').hidden = state.models.length < 2;
  if (drawing) sketch.open(await toBitmap(drawing.url));
  modelChosen(choices.model === model().name && choices.width || undefined);
  if (drawing) return;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (still || state.mode !== 'lines' || model().examples?.length) showExample();
  else introduce(state.seeds[0]);
}
start();
