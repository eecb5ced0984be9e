// node translate.mjs URL IN.png OUT.png: translates a picture with JavaScript. In a browser the middle
// part is the same: `body` is a File or a Blob, and the daemon must list the page's --allow-origin.
import { readFile, writeFile } from 'node:fs/promises';

const [url, input, output] = process.argv.slice(2);

const response = await fetch(`${url}/translate`, {
  method: 'POST',
  headers: { 'Content-Type': 'image/png' },
  body: await readFile(input),
});
if (!response.ok) {
  console.error((await response.json()).detail);
  process.exit(1);
}
await writeFile(output, Buffer.from(await response.arrayBuffer()));
