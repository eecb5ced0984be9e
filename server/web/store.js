// What survives a reload: the drawing, the choices, the last ten pictures of one's own. Everything
// stays in this browser. A browser without storage, or a full one, only forgets.

const KEY = 'pix2pixd', LAST = 10;

export function load(name, fallback = null) {
  try {
    return JSON.parse(localStorage.getItem(`${KEY}.${name}`)) ?? fallback;
  } catch {
    return fallback;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(`${KEY}.${name}`, JSON.stringify(value));
  } catch {
    localStorage.removeItem(`${KEY}.${name}`);
  }
}

export const toUrl = (blob) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result);
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(blob);
});

export async function toBitmap(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return createImageBitmap(image);
}

// { sketch, answer }, both data URLs; the newest first.
export function remember(pair) {
  const pairs = [pair, ...load('mine', []).filter((p) => p.sketch !== pair.sketch)].slice(0, LAST);
  keep('mine', pairs);
  return pairs;
}
