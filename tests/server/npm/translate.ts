// node translate.js URL IN.png OUT.png: translates a picture with the client that @hey-api/openapi-ts made of
// /openapi.json, as JSON and as a form, and reads a typed refusal.
import { readFile, writeFile } from 'node:fs/promises';
import { edit, models, translate } from './client/index.js';
import { client } from './client/client.gen.js';

const [url, input, output] = process.argv.slice(2) as [string, string, string];
client.setConfig({ baseUrl: url });
const picture = await readFile(input);

const known = await models({ throwOnError: true });
const model = known.data.models.find((one) => one.default)?.name;

const refused = await translate({ body: { image: picture.toString('base64'), model: 'none' } });
if (refused.data || refused.error?.status !== 404 || !refused.error.detail.includes(String(model)))
  throw new Error(`not refused as described: ${JSON.stringify(refused.error)}`);

const form = await edit({ body: { image: new Blob([picture], { type: 'image/png' }), model }, throwOnError: true });
const answer = await translate({
  body: { image: picture.toString('base64'), model },
  query: { format: 'png' },
  throwOnError: true,
});
if (!(answer.data instanceof Blob)) throw new Error('not a picture');
const translated = Buffer.from(await answer.data.arrayBuffer());
if (translated.toString('base64') !== form.data.data[0]?.b64_json) throw new Error('the form gives another picture');
await writeFile(output, translated);
