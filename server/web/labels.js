// Label maps: the twelve classes of the CMP facade data base in the colours of the pix2pix demos, or
// whatever palette the model names, and the tools that paint them. No edge is smoothed: a pixel has
// exactly one class.

export const CMP = [
  ['background', '#0006d9'], ['wall', '#0d3dfb'], ['door', '#a50000'], ['window', '#0075ff'],
  ['sill', '#68f898'], ['head', '#1dffdd'], ['shutter', '#eeed28'], ['balcony', '#b8ff38'],
  ['trim', '#ff9204'], ['cornice', '#ff4401'], ['column', '#f60001'], ['entrance', '#00c9ff'],
].map(([name, colour]) => ({ name, colour }));

const CLASS_OF = {
  wall: 'wall', bricks: 'wall', gable: 'wall', window: 'window', door: 'door', balcony: 'balcony', shop: 'entrance',
};

export function drawLabels(context, parts, size, palette = CMP) {
  const k = size / 256, colour = (name) => palette.find((c) => c.name === name)?.colour;
  const box = (name, x, y, w, h) => {
    if (!colour(name)) return;
    context.fillStyle = colour(name);
    context.fillRect(Math.round(x * k), Math.round(y * k), Math.round(w * k), Math.round(h * k));
  };
  context.fillStyle = palette[0].colour;
  context.fillRect(0, 0, size, size);
  for (const p of parts) {
    if (p.kind === 'shutters') {
      box('shutter', p.x, p.y, p.w, p.h);
      box('window', p.x + p.w / 4, p.y, p.w / 2, p.h);
    } else if (CLASS_OF[p.kind]) {
      box(CLASS_OF[p.kind], p.x, p.y, p.w, p.h);
    }
    if (p.kind === 'window') box('sill', p.x - 3, p.y + p.h, p.w + 6, 3);
  }
}

const rgb = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));

// A disc at every pixel of the way, without smoothing.
export function brush(context, from, to, width, colour) {
  const steps = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y))), r = width / 2;
  context.fillStyle = colour;
  for (let i = 0; i <= steps; i++) {
    const x = from.x + ((to.x - from.x) * i) / steps, y = from.y + ((to.y - from.y) * i) / steps;
    for (let v = Math.ceil(-r); v <= r; v++) {
      const half = Math.floor(Math.sqrt(r * r - v * v));
      context.fillRect(Math.round(x) - half, Math.round(y) + v, 2 * half + 1, 1);
    }
  }
}

export function rectangle(context, from, to, colour) {
  context.fillStyle = colour;
  context.fillRect(Math.round(Math.min(from.x, to.x)), Math.round(Math.min(from.y, to.y)),
    Math.round(Math.abs(to.x - from.x)), Math.round(Math.abs(to.y - from.y)));
}

// Fills the area of one colour around the point.
export function bucket(context, at, colour) {
  const { width, height } = context.canvas, image = context.getImageData(0, 0, width, height);
  const pixels = new Uint32Array(image.data.buffer), [r, g, b] = rgb(colour);
  const paint = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  const start = Math.min(height - 1, Math.floor(at.y)) * width + Math.min(width - 1, Math.floor(at.x));
  const old = pixels[start];
  if (old === paint) return;
  const stack = [start];
  while (stack.length > 0) {
    const i = stack.pop();
    if (pixels[i] !== old) continue;
    const row = i - (i % width);
    let left = i, right = i;
    while (left > row && pixels[left - 1] === old) left--;
    while (right < row + width - 1 && pixels[right + 1] === old) right++;
    for (let x = left; x <= right; x++) {
      pixels[x] = paint;
      if (x >= width && pixels[x - width] === old) stack.push(x - width);
      if (x + width < pixels.length && pixels[x + width] === old) stack.push(x + width);
    }
  }
  context.putImageData(image, 0, 0);
}
