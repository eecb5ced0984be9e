// Example sketches, drawn by code: a house is a list of parts in painter's order, which becomes
// either a label map (flat rectangles) or a pencil drawing.

// The twelve labels of the CMP facade data base, in the colours of the pix2pix demos.
export const LABELS = {
  background: '#0006d9', wall: '#0d3dfb', door: '#a50000', window: '#0075ff',
  sill: '#68f898', head: '#1dffdd', shutter: '#eeed28', balcony: '#b8ff38',
  trim: '#ff9204', cornice: '#ff4401', column: '#f60001', entrance: '#00c9ff',
};

// A sequence of numbers in [0, 1) that depends on the seed alone (mulberry32).
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// One window with what belongs to it; (x, y) is the top left corner of the opening.
function addWindow(add, style, x, y, w, h) {
  if (style.shutters) {
    add('shutter', x - w * 0.5, y, w * 0.45, h);
    add('shutter', x + w * 1.05, y, w * 0.45, h);
  }
  add('window', x, y, w, h);
  if (style.heads) add('head', x - 2, y - 6, w + 4, 5);
  add('sill', x - 2, y + h, w + 4, 3);
}

function addGroundFloor(add, style, box, bays, pitch, floor) {
  const top = box.bottom - floor;
  const middle = Math.floor(bays / 2);
  for (let i = 0; i < bays; i++) {
    const x = box.left + pitch * i;
    if (i === middle) {
      add('door', x + pitch * 0.3, top + floor * 0.3, pitch * 0.4, floor * 0.7);
      if (style.heads) add('head', x + pitch * 0.26, top + floor * 0.18, pitch * 0.48, floor * 0.1);
    } else if (style.shop) {
      add('entrance', x + pitch * 0.1, top + floor * 0.22, pitch * 0.8, floor * 0.78);
    } else {
      addWindow(add, style, x + pitch * 0.32, top + floor * 0.3, pitch * 0.36, floor * 0.48);
    }
  }
}

// Parts are {kind, x, y, w, h} in a square of 256.
export function house(seed) {
  const next = random(seed);
  const chance = (p) => next() < p;
  const style = { shutters: chance(0.4), heads: chance(0.6), shop: chance(0.35), columns: chance(0.4) };
  const storeys = 2 + Math.floor(next() * 3), bays = 3 + Math.floor(next() * 2);
  const inset = 8 + Math.floor(next() * 24);
  const box = { left: inset, right: 256 - inset, top: 44 + Math.floor(next() * 14), bottom: 238 };
  const floor = (box.bottom - box.top) / storeys, pitch = (box.right - box.left) / bays;
  const parts = [];
  const add = (kind, x, y, w, h) =>
    parts.push({ kind, x: Math.round(x), y: Math.round(y), w: Math.max(2, Math.round(w)), h: Math.max(2, Math.round(h)) });

  add('background', 0, 0, 256, 256);
  add('roof', box.left - 6, box.top - 30, box.right - box.left + 12, 30);
  add('wall', box.left, box.top, box.right - box.left, box.bottom - box.top);
  add('cornice', box.left - 4, box.top - 4, box.right - box.left + 8, 8);
  if (style.columns) {
    add('column', box.left, box.top + 4, 6, box.bottom - box.top - 4);
    add('column', box.right - 6, box.top + 4, 6, box.bottom - box.top - 4);
  }
  for (let s = 0; s < storeys - 1; s++) {
    const y = box.top + floor * s;
    const balcony = chance(0.3) ? Math.floor(next() * bays) : -1;
    for (let i = 0; i < bays; i++) {
      const x = box.left + pitch * (i + 0.31);
      addWindow(add, style, x, y + floor * 0.3, pitch * 0.38, floor * 0.5);
      if (i === balcony) add('balcony', x - pitch * 0.16, y + floor * 0.62, pitch * 0.7, floor * 0.24);
    }
    if (s === storeys - 2) add('trim', box.left, y + floor - 2, box.right - box.left, 4);
  }
  addGroundFloor(add, style, box, bays, pitch, floor);
  return parts;
}

export function drawLabels(context, parts, size) {
  const k = size / 256;
  for (const p of parts) {
    if (p.kind === 'roof') continue; // a label map has no roofs
    context.fillStyle = LABELS[p.kind];
    context.fillRect(Math.round(p.x * k), Math.round(p.y * k), Math.round(p.w * k), Math.round(p.h * k));
  }
}

// A pencil: every line wavers a little and overshoots.
function pencil(context, k, next) {
  const wobble = () => (next() - 0.5) * 1.1 * k;
  return (x0, y0, x1, y1) => {
    const n = Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 20);
    context.beginPath();
    context.moveTo(x0 * k + wobble(), y0 * k + wobble());
    for (let i = 1; i <= n; i++)
      context.lineTo((x0 + ((x1 - x0) * i) / n) * k + wobble(), (y0 + ((y1 - y0) * i) / n) * k + wobble());
    context.stroke();
  };
}

// The lines inside a part, between its edges.
function details(line, p) {
  const { x, y, w, h } = p, r = x + w, b = y + h;
  if (p.kind === 'window') {
    line(x + w / 2, y, x + w / 2, b);
    line(x, y + h * 0.4, r, y + h * 0.4);
  } else if (p.kind === 'shutter') {
    for (let s = y + 4; s < b - 2; s += 5) line(x + 1, s, r - 1, s);
  } else if (p.kind === 'balcony') {
    for (let s = x + 4; s < r - 2; s += 5) line(s, y, s, b);
  } else if (p.kind === 'door') {
    line(x + w / 2, y, x + w / 2, b);
    line(x + w * 0.15, y + h * 0.3, x + w * 0.4, y + h * 0.3);
    line(x + w * 0.6, y + h * 0.3, x + w * 0.85, y + h * 0.3);
  } else if (p.kind === 'entrance') {
    line(x, y + h * 0.2, r, y + h * 0.2);
    line(x + w / 2, y + h * 0.2, x + w / 2, b);
  }
}

export function drawLines(context, parts, size, seed) {
  const k = size / 256, next = random(seed ^ 0x5bd1e995), line = pencil(context, k, next);
  context.fillStyle = '#fff';
  context.fillRect(0, 0, size, size);
  context.strokeStyle = '#2b2b2b';
  context.lineWidth = 1.3 * k;
  context.lineCap = context.lineJoin = 'round';
  line(0, 238, 256, 238);
  for (const p of parts) {
    if (p.kind === 'background') continue;
    const r = p.x + p.w, b = p.y + p.h, slope = p.kind === 'roof' ? 18 : 0;
    context.beginPath();
    context.moveTo((p.x + slope) * k, p.y * k);
    context.lineTo((r - slope) * k, p.y * k);
    context.lineTo(r * k, b * k);
    context.lineTo(p.x * k, b * k);
    context.fill();
    line(p.x + slope, p.y, r - slope, p.y);
    line(r - slope, p.y, r, b);
    line(r, b, p.x, b);
    line(p.x, b, p.x + slope, p.y);
    details(line, p);
  }
}
