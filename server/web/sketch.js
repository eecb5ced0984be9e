// The drawing area: one pen, its tools, undo and redo. The canvas has the shape of what is drawn on
// it (a square, or that of an opened picture); on screen it fits into a square frame unsquashed.
import { brush, bucket, rectangle } from './labels.js';
import { drawPart, paint } from './parts.js';

const SIDE = 512, LONGEST = 1024, UNDO_STEPS = 40;
const INK = '#262626', PAPER = '#ffffff';

export class Sketch {
  #undo = [];
  #redo = [];
  #pen = null; // the stroke under way: { id, last, start, before }
  #seed = 1;

  // tools(): what is chosen now, { mode, tool, part, colour, width }. changed(settled): the drawing is
  // another one; settled is false while a stroke is under way. history(undo, redo): how many steps.
  constructor(canvas, { tools, changed, history }) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d', { willReadFrequently: true });
    Object.assign(this, { tools, changed, history });
    this.touched = false; // somebody drew: nothing replaces it unasked
    this.resize(SIDE, SIDE);
    this.#listen();
  }

  get scale() {
    return Math.max(this.canvas.width, this.canvas.height) / 256;
  }

  resize(width, height) {
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.canvas.style.setProperty('--aspect', width / height);
    this.context.fillStyle = PAPER;
    this.context.fillRect(0, 0, width, height);
  }

  // --- whole pictures ----------------------------------------------------------------------------

  // Replaces the drawing; draw(context, side) paints a square one.
  replace(draw, touched = false) {
    this.remember();
    this.resize(SIDE, SIDE);
    draw(this.context, SIDE);
    this.touched = touched;
    this.changed(true);
  }

  // A bitmap in its own shape; transparent parts become paper.
  open(bitmap, touched = true) {
    const shrink = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
    this.remember();
    this.resize(Math.max(1, Math.round(bitmap.width * shrink)), Math.max(1, Math.round(bitmap.height * shrink)));
    this.context.imageSmoothingQuality = 'high';
    this.context.drawImage(bitmap, 0, 0, this.canvas.width, this.canvas.height);
    this.touched = touched;
    this.changed(true);
  }

  clear(colour = PAPER) {
    this.remember();
    this.resize(SIDE, SIDE);
    this.context.fillStyle = colour;
    this.context.fillRect(0, 0, SIDE, SIDE);
    this.touched = true;
    this.changed(true);
  }

  // A Blob of the drawing, scaled to width x height where they are given.
  async blob(type = 'image/png', width = this.canvas.width, height = this.canvas.height, smooth = true) {
    let canvas = this.canvas;
    if (width !== canvas.width || height !== canvas.height) {
      canvas = Object.assign(document.createElement('canvas'), { width, height });
      const context = canvas.getContext('2d');
      context.imageSmoothingEnabled = smooth;
      context.imageSmoothingQuality = 'high';
      context.drawImage(this.canvas, 0, 0, width, height);
    }
    return new Promise((resolve) => canvas.toBlob(resolve, type, 0.9));
  }

  // --- undo --------------------------------------------------------------------------------------

  #snapshot() {
    return this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }

  #restore(pixels) {
    this.resize(pixels.width, pixels.height);
    this.context.putImageData(pixels, 0, 0);
  }

  remember(pixels = this.#snapshot()) {
    this.#undo.push(pixels);
    if (this.#undo.length > UNDO_STEPS) this.#undo.shift();
    this.#redo = [];
    this.history(this.#undo.length, 0);
  }

  #step(from, to) {
    if (this.#pen || from.length === 0) return;
    to.push(this.#snapshot());
    this.#restore(from.pop());
    this.history(this.#undo.length, this.#redo.length);
    this.touched = true;
    this.changed(true);
  }

  undo() { this.#step(this.#undo, this.#redo); }
  redo() { this.#step(this.#redo, this.#undo); }

  // --- the pen -----------------------------------------------------------------------------------

  // Tools that draw as they go, and those that stretch from where the pen went down.
  #stretches({ mode, tool }) {
    return mode === 'labels' ? tool === 'rectangle' : tool === 'line' || tool === 'part';
  }

  #draw(tools, from, to) {
    if (tools.mode === 'labels') {
      if (tools.tool === 'rectangle') rectangle(this.context, from, to, tools.colour);
      else brush(this.context, from, to, tools.width * 2, tools.colour);
    } else if (tools.tool === 'part') {
      const k = this.scale, x = Math.min(from.x, to.x) / k, y = Math.min(from.y, to.y) / k;
      const box = { x, y, w: Math.abs(to.x - from.x) / k, h: Math.abs(to.y - from.y) / k };
      paint(this.context, drawPart(tools.part, box, this.#seed), k);
    } else {
      const eraser = tools.tool === 'eraser';
      this.context.strokeStyle = eraser ? PAPER : INK;
      this.context.lineWidth = tools.width * (eraser ? 5 : 1) * (this.scale / 2);
      this.context.lineCap = 'round';
      this.context.beginPath();
      this.context.moveTo(from.x, from.y);
      this.context.lineTo(to.x + 0.01, to.y); // so that a tap leaves a dot
      this.context.stroke();
    }
  }

  down(at, id = null) {
    const tools = this.tools();
    this.#pen = { id, tools, start: at, last: at, before: this.#snapshot() };
    this.#seed++;
    this.touched = true;
    if (tools.mode === 'labels' && tools.tool === 'bucket') bucket(this.context, at, tools.colour);
    else if (!this.#stretches(tools)) this.#draw(tools, at, at);
    this.changed(false);
  }

  move(at) {
    const pen = this.#pen;
    if (!pen) return;
    if (this.#stretches(pen.tools)) {
      this.context.putImageData(pen.before, 0, 0);
      this.#draw(pen.tools, pen.start, at);
    } else if (pen.tools.tool !== 'bucket') {
      this.#draw(pen.tools, pen.last, at);
    }
    pen.last = at;
    this.changed(false);
  }

  up() {
    const pen = this.#pen;
    if (!pen) return;
    // A part that was tapped, not dragged, takes its least size.
    if (pen.tools.tool === 'part' && pen.tools.mode === 'lines' && pen.last === pen.start)
      this.#draw(pen.tools, pen.start, pen.start);
    this.#pen = null;
    this.remember(pen.before);
    this.changed(true);
  }

  get drawing() { return this.#pen !== null; }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) * this.canvas.width) / box.width,
      y: ((event.clientY - box.top) * this.canvas.height) / box.height,
    };
  }

  // One pointer draws; while it is down all others, a palm or a second finger, are ignored.
  #listen() {
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || this.#pen) return;
      canvas.setPointerCapture(event.pointerId);
      this.down(this.#place(event), event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (event.pointerId !== this.#pen?.id) return;
      for (const e of event.getCoalescedEvents?.() ?? [event]) this.move(this.#place(e));
    });
    for (const end of ['pointerup', 'pointercancel'])
      canvas.addEventListener(end, (event) => {
        if (event.pointerId === this.#pen?.id) this.up();
      });
  }
}
