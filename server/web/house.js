// Whole houses by code, for the examples: a list of parts in painter's order, which becomes a pencil
// drawing (parts.js) or a label map (labels.js).
import { drawPart, random } from './parts.js';

function windowWithTrim(add, style, x, y, w, h) {
  if (style.shutters) {
    add('shutters', x - w * 0.5, y, w * 2, h);
    return;
  }
  add('window', x, y, w, h);
}

function groundFloor(add, style, box, bays, pitch, floor) {
  const top = box.bottom - floor, middle = Math.floor(bays / 2);
  for (let i = 0; i < bays; i++) {
    const x = box.left + pitch * i;
    if (i === middle) add('door', x + pitch * 0.3, top + floor * 0.24, pitch * 0.4, floor * 0.74);
    else if (style.shop) add('shop', x + pitch * 0.1, top + floor * 0.16, pitch * 0.8, floor * 0.84);
    else windowWithTrim(add, style, x + pitch * 0.32, top + floor * 0.3, pitch * 0.36, floor * 0.46);
  }
}

// Parts are {kind, x, y, w, h} in a square of 256.
export function house(seed) {
  const next = random(seed), chance = (p) => next() < p;
  const style = { shutters: chance(0.4), bricks: chance(0.55), shop: chance(0.25), gable: chance(0.3) };
  const storeys = style.gable ? 2 : 2 + Math.floor(next() * 2);
  const bays = style.gable ? 3 : 3 + Math.floor(next() * 2);
  const inset = 24 + Math.floor(next() * 16), base = 226;
  const box = { left: inset, right: 256 - inset, top: style.gable ? 104 : 68 + Math.floor(next() * 16), bottom: base };
  const width = box.right - box.left, floor = (box.bottom - box.top) / storeys, pitch = width / bays;
  const parts = [];
  const add = (kind, x, y, w, h) =>
    parts.push({ kind, x: Math.round(x), y: Math.round(y), w: Math.round(w), h: Math.round(h) });

  add('ground', 0, base, 256, 256 - base);
  if (!style.gable) add('roof', box.left - 6, box.top - 42, width + 12, 42);
  add(style.bricks ? 'bricks' : 'wall', box.left, box.top, width, box.bottom - box.top);
  if (style.gable) add('gable', box.left, box.top - 60, width, 60);
  for (let s = 0; s < storeys - 1; s++) {
    const y = box.top + floor * s, balcony = chance(0.4) ? Math.floor(next() * bays) : -1;
    for (let i = 0; i < bays; i++) {
      windowWithTrim(add, style, box.left + pitch * (i + 0.32), y + floor * 0.28, pitch * 0.36, floor * 0.52);
      if (i === balcony) add('balcony', box.left + pitch * (i + 0.16), y + floor * 0.78, pitch * 0.68, 16);
    }
  }
  groundFloor(add, style, box, bays, pitch, floor);
  const door = parts.find((p) => p.kind === 'door');
  add('path', door.x - 4, base, door.w + 8, 30);
  if (chance(0.7)) add('bush', box.left - 12, base - 14, 30, 16);
  if (chance(0.7)) add('bush', box.right - 22, base - 12, 26, 14);
  return parts;
}

export const lines = (parts, seed) => parts.flatMap((p, i) => drawPart(p.kind, p, seed * 97 + i));
