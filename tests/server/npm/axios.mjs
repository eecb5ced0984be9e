// node axios.mjs URL IN.png OUT.png: translates a picture with axios, whose Accept prefers JSON, as a form and raw.
import { readFile, writeFile } from 'node:fs/promises';
import axios from 'axios';

const [url, input, output] = process.argv.slice(2);
const picture = await readFile(input);
const form = new FormData();
form.append('image', new Blob([picture], { type: 'image/png' }), 'sketch.png');
form.append('format', 'png');
const translated = await axios.post(`${url}/translate`, form, { responseType: 'arraybuffer' });
const object = await axios.post(`${url}/translate`, picture, { headers: { 'Content-Type': 'image/png' } });
if (object.data.image !== Buffer.from(translated.data).toString('base64')) throw new Error('JSON has another picture');
const refused = await axios.post(`${url}/translate?model=none`, form).catch((error) => error.response.data);
if (!refused.detail.includes('colour')) throw new Error(`not refused: ${JSON.stringify(refused)}`);
await writeFile(output, Buffer.from(translated.data));
