// The parts of a house, drawn as the training drawings are (tools/facade): a pencil whose lines waver
// and overshoot a little, glazing bars, slats, and here and there a few bricks or tiles. Coordinates
// are pixels of a 256 x 256 picture.
//
// A drawing is a list of operations, so that it can be drawn at once or line by line:
//   { points: [[x, y], ...], width, fill }    fill: white out the polygon; else a line of that width

// A sequence of numbers in [0, 1) that depends on the seed alone (mulberry32).
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const LINE = 1.5, THIN = 1.1, MARK = 0.95;

class Pencil {
  constructor(seed) {
    this.next = random(seed);
    this.operations = [];
  }

  line(x0, y0, x1, y1, width = LINE) {
    const pieces = Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 20) || 1, points = [];
    for (let i = 0; i <= pieces; i++)
      points.push([x0 + ((x1 - x0) * i) / pieces + this.#off(), y0 + ((y1 - y0) * i) / pieces + this.#off()]);
    this.operations.push({ points, width });
  }

  white(points) {
    this.operations.push({ points, fill: true });
  }

  // A box whose top may be narrower by `slope` on each side.
  outline(b, width = LINE, slope = 0) {
    const over = this.next() * 1.2;
    this.line(b.x + slope - over, b.y, b.x + b.w - slope + over, b.y, width);
    this.line(b.x + slope, b.y, b.x, b.y + b.h, width);
    this.line(b.x + b.w - slope, b.y, b.x + b.w, b.y + b.h, width);
    this.line(b.x - over, b.y + b.h, b.x + b.w + over, b.y + b.h, width);
  }

  #off() {
    return (this.next() - 0.5) * 0.8;
  }
}

const corners = (b, slope = 0) =>
  [[b.x + slope, b.y], [b.x + b.w - slope, b.y], [b.x + b.w, b.y + b.h], [b.x, b.y + b.h]];
const inner = (b, left, top = left, right = left, bottom = top) =>
  ({ x: b.x + left, y: b.y + top, w: b.w - left - right, h: b.h - top - bottom });

// Little groups of stones of length x height, on the lattice that the renderings have, where they lie
// wholly inside.
function hatch(pencil, b, length, height, slope = 0) {
  const inside = (x, y) => {
    const lean = slope * (1 - (y - b.y) / b.h);
    return y >= b.y && y <= b.y + b.h && x >= b.x + lean && x <= b.x + b.w - lean;
  };
  const stone = (column, row) => {
    const x = column * length - ((row & 1) * length) / 2, y = row * height;
    if (![[x, y], [x + length, y], [x, y + height], [x + length, y + height]].every(([u, v]) => inside(u, v)))
      return;
    pencil.line(x, y + height - 0.5, x + length, y + height - 0.5, MARK);
    pencil.line(x + length - 0.5, y, x + length - 0.5, y + height, MARK);
  };
  for (let y = b.y; y < b.y + b.h; y += 30)
    for (let x = b.x; x < b.x + b.w; x += 40) {
      const row = Math.floor((y + pencil.next() * 30) / height), column = Math.floor((x + pencil.next() * 40) / length);
      stone(column, row);
      stone(column + 1, row);
      stone(column, row + 1);
      stone(column - 1, row + 1);
    }
}

function pane(pencil, b) {
  pencil.white(corners(b));
  pencil.outline(b);
  pencil.line(b.x + b.w / 2, b.y, b.x + b.w / 2, b.y + b.h, THIN);
  pencil.line(b.x, b.y + b.h * 0.35, b.x + b.w, b.y + b.h * 0.35, THIN);
}

function sill(pencil, b) {
  const s = { x: b.x - 3, y: b.y + b.h, w: b.w + 6, h: 3 };
  pencil.white(corners(s));
  pencil.outline(s);
}

function slats(pencil, b) {
  pencil.white(corners(b));
  pencil.outline(b);
  for (let y = b.y + 2.5; y + 3 <= b.y + b.h; y += 3) pencil.line(b.x + 1, y + 0.6, b.x + b.w - 1, y + 0.6, THIN);
}

function shutteredWindow(pencil, b) {
  const leaf = b.w * 0.24;
  pane(pencil, inner(b, leaf + 1, 0));
  slats(pencil, { x: b.x, y: b.y, w: leaf, h: b.h });
  slats(pencil, { x: b.x + b.w - leaf, y: b.y, w: leaf, h: b.h });
  sill(pencil, inner(b, leaf + 1, 0));
}

function wall(pencil, b) {
  pencil.white(corners(b));
  pencil.outline(b);
}

function brickWall(pencil, b) {
  wall(pencil, b);
  hatch(pencil, b, 8, 4);
}

function roof(pencil, b) {
  const slope = Math.min(b.w * 0.12, 28);
  pencil.white(corners(b, slope));
  pencil.outline(b, LINE, slope);
  hatch(pencil, b, 6, 4, slope);
  pencil.line(b.x + slope, b.y + 2, b.x + b.w - slope, b.y + 2, THIN);
}

function gable(pencil, b) {
  const middle = b.x + b.w / 2;
  pencil.white([[middle, b.y], [b.x + b.w, b.y + b.h], [b.x, b.y + b.h]]);
  for (const foot of [b.x, b.x + b.w]) {
    const out = foot === b.x ? -6 : 6;
    pencil.line(foot, b.y + b.h, middle, b.y, LINE);
    pencil.line(foot + out, b.y + b.h + 2, middle, b.y - 5, LINE);
    pencil.line(foot, b.y + b.h, foot + out, b.y + b.h + 2, THIN);
  }
  pencil.line(b.x, b.y + b.h, b.x + b.w, b.y + b.h, THIN);
}

function door(pencil, b) {
  const light = Math.max(4, b.h * 0.16);
  pencil.white(corners(b));
  pencil.outline(b);
  pencil.outline({ x: b.x + 1.5, y: b.y + 1, w: b.w - 3, h: light - 1.5 }, THIN);
  const leaves = b.w >= 22 ? 2 : 1, leaf = b.w / leaves;
  for (let i = 0; i < leaves; i++) {
    const x = b.x + leaf * i + 2, top = b.y + light, height = b.h - light;
    pencil.outline({ x, y: top + 1.5, w: leaf - 4, h: height * 0.52 }, THIN);
    pencil.outline({ x, y: top + height * 0.62, w: leaf - 4, h: height * 0.3 }, THIN);
  }
  pencil.outline({ x: b.x - 5, y: b.y + b.h - 2, w: b.w + 10, h: 2 }, THIN);
}

function balcony(pencil, b) {
  const slab = 3, bars = Math.max(2, Math.round(b.w / 4));
  pencil.line(b.x, b.y, b.x + b.w, b.y, LINE);
  pencil.line(b.x, b.y + 1.5, b.x + b.w, b.y + 1.5, THIN);
  pencil.outline({ x: b.x - 1, y: b.y + b.h - slab, w: b.w + 2, h: slab }, THIN);
  for (let i = 0; i <= bars; i++) {
    const x = b.x + (b.w * i) / bars;
    pencil.line(x, b.y + 1, x, b.y + b.h - slab, THIN);
  }
}

function shop(pencil, b) {
  const sign = Math.min(9, b.h * 0.2), base = Math.min(9, b.h * 0.18), frame = 1.75;
  const body = { x: b.x, y: b.y + sign, w: b.w, h: b.h - sign };
  pencil.white(corners(b));
  pencil.outline(body);
  pencil.outline({ x: b.x - 2, y: b.y, w: b.w + 4, h: sign });
  pencil.line(b.x, b.y + b.h - base, b.x + b.w, b.y + b.h - base, THIN);
  const panes = b.w > 50 ? 3 : 2;
  for (let i = 0; i < panes; i++)
    pencil.outline({ x: b.x + (b.w * i) / panes + frame, y: body.y + frame, w: b.w / panes - 2 * frame, h: body.h - base - 2 * frame }, THIN);
}

function ground(pencil, b) {
  pencil.white([[0, b.y], [256, b.y], [256, 256], [0, 256]]);
  pencil.line(0, b.y, 256, b.y);
}

function path(pencil, b) {
  const slope = b.w * 0.25;
  pencil.white(corners(b, slope));
  pencil.line(b.x + slope, b.y, b.x, b.y + b.h);
  pencil.line(b.x + b.w - slope, b.y, b.x + b.w, b.y + b.h);
}

function bush(pencil, b) {
  const points = [], half = b.w / 2;
  for (let i = 0; i <= 16; i++) {
    const angle = Math.PI * (1 - i / 16);
    points.push([b.x + half + half * Math.cos(angle), b.y + b.h - b.h * Math.sin(angle)]);
  }
  pencil.white(points);
  pencil.operations.push({ points, width: LINE });
  pencil.line(b.x, b.y + b.h, b.x + b.w, b.y + b.h);
}

// What the page offers, in this order: a name, how it is drawn, and the smallest box that makes sense.
export const PARTS = {
  wall: { title: 'Wall', draw: wall, least: [24, 24] },
  bricks: { title: 'Brick wall', draw: brickWall, least: [24, 24] },
  roof: { title: 'Roof', draw: roof, least: [40, 16] },
  gable: { title: 'Gable', draw: gable, least: [40, 24] },
  window: { title: 'Window', draw: (p, b) => { pane(p, b); sill(p, b); }, least: [10, 14] },
  shutters: { title: 'Window with shutters', draw: shutteredWindow, least: [28, 14] },
  door: { title: 'Door', draw: door, least: [12, 24] },
  balcony: { title: 'Balcony', draw: balcony, least: [20, 12] },
  shop: { title: 'Shop', draw: shop, least: [36, 28] },
  ground: { title: 'Ground', draw: ground, least: [1, 1] },
  path: { title: 'Path', draw: path, least: [10, 8] },
  bush: { title: 'Bush', draw: bush, least: [10, 8] },
};

// The operations of one part in the box (x, y, w, h), which grows to the least that makes sense.
export function drawPart(name, box, seed) {
  const part = PARTS[name], pencil = new Pencil(seed);
  const b = { ...box, w: Math.max(box.w, part.least[0]), h: Math.max(box.h, part.least[1]) };
  part.draw(pencil, b);
  return pencil.operations;
}

// The pixels of line in operations: what paint() counts its budget in.
export function lengthOf(operations) {
  let length = 0;
  for (const { points, fill } of operations)
    for (let i = 1; i < points.length && !fill; i++)
      length += Math.hypot(points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]);
  return length;
}

// Puts operations on a canvas where a 256th of the picture is `scale` pixels. With `budget`, a number
// of pixels of line, stops in the middle of a line when it is used up.
export function paint(context, operations, scale, ink = '#2b2b2b', budget = Infinity) {
  context.lineCap = context.lineJoin = 'round';
  for (const operation of operations) {
    context.beginPath();
    let [x, y] = operation.points[0];
    context.moveTo(x * scale, y * scale);
    for (const [u, v] of operation.points.slice(1)) {
      if (!operation.fill) budget -= Math.hypot(u - x, v - y);
      if (budget < 0) break;
      context.lineTo(u * scale, v * scale);
      [x, y] = [u, v];
    }
    if (operation.fill) {
      context.fillStyle = '#ffffff';
      context.fill();
    } else {
      context.strokeStyle = ink;
      context.lineWidth = operation.width * scale;
      context.stroke();
    }
    if (budget < 0) return;
  }
}
