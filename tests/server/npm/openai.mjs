// node openai.mjs URL IN.png OUT.png: translates a picture with OpenAI's client.
import { readFile, writeFile } from 'node:fs/promises';
import OpenAI, { toFile } from 'openai';

const [url, input, output] = process.argv.slice(2);
const client = new OpenAI({ apiKey: 'none', baseURL: `${url}/v1`, maxRetries: 0 });
const answer = await client.images.edit({
  image: await toFile(await readFile(input), 'sketch.png', { type: 'image/png' }),
  prompt: 'a house',
  model: 'colour',
  response_format: 'b64_json',
});
await writeFile(output, Buffer.from(answer.data[0].b64_json, 'base64'));
