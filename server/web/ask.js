// Asking the daemon. One request at a time (the camera has two); what was asked meanwhile is asked
// afterwards, once, so that the answer is never older than one round trip. Every request has a
// deadline. What may pass by itself - no connection, a full queue, a proxy without a server - is
// tried again until it works or something newer is asked.

import { fetchWithKey } from './key.js';

const DEADLINE_MS = 15000, WAITS_MS = [500, 1000, 2000, 4000];

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What went wrong, in words for people; `wait`: milliseconds until it is worth trying again, or null.
export class Trouble extends Error {
  constructor(message, wait = null) {
    super(message);
    this.wait = wait;
  }
}

async function problem(response) {
  const retry = Number(response.headers.get('Retry-After')) * 1000 || 1000;
  const type = response.headers.get('Content-Type') ?? '';
  let detail = null;
  if (/json/.test(type)) detail = (await response.json().catch(() => ({}))).detail;
  if (response.status === 429) return new Trouble(`Too fast: ${detail ?? 'the server asks to wait'}.`, retry);
  if (response.status === 503)
    return new Trouble(detail ? `Busy: ${detail}.` : 'The server is busy.', retry);
  if (response.status === 502 || response.status === 504)
    return new Trouble('The server does not answer behind its proxy.', retry);
  return new Trouble(detail ?? `The server answered ${response.status} ${response.statusText}.`);
}

// Sends one picture: `body` is a Blob, `query` an object. Returns the answer's Blob with the
// milliseconds that the model took (null if the server does not say).
export async function send(body, query, { accept = 'image/jpeg', signal } = {}) {
  let response;
  try {
    response = await fetchWithKey(`translate?${new URLSearchParams(query)}`, () => ({
      method: 'POST', body, headers: { Accept: accept, 'Content-Type': body.type },
      signal: AbortSignal.any([AbortSignal.timeout(DEADLINE_MS), ...(signal ? [signal] : [])]),
    }));
    if (!response.ok) throw await problem(response);
    if (!/^image\//.test(response.headers.get('Content-Type') ?? ''))
      throw new Trouble('Something other than the daemon answered.', 2000);
    const infer = /infer;dur=([\d.]+)/.exec(response.headers.get('Server-Timing') ?? '');
    return { blob: await response.blob(), infer: infer ? Number(infer[1]) : null };
  } catch (error) {
    if (error instanceof Trouble || error.name === 'AbortError') throw error;
    if (error.name === 'TimeoutError') throw new Trouble(`No answer within ${DEADLINE_MS / 1000} seconds.`, 1000);
    throw new Trouble('The server cannot be reached.', 1000);
  }
}

// Calls make() for the newest state and hands its answer to show(); trouble goes to tell().
export class Asker {
  #wanted = 0;
  #running = false;
  #wake = null;

  constructor({ make, show, tell, busy }) {
    Object.assign(this, { make, show, tell, busy });
  }

  // Something changed: ask as soon as the request under way is done.
  ask() {
    this.#wanted++;
    this.#wake?.();
    if (!this.#running) this.#run();
  }

  async #run() {
    this.#running = true;
    this.busy(true);
    for (let done = 0, failures = 0; done !== this.#wanted;) {
      const asked = this.#wanted, start = performance.now();
      try {
        const { body, query } = await this.make();
        await this.show(await send(body, query), performance.now() - start);
        done = asked;
        failures = 0;
      } catch (trouble) {
        const wait = trouble.wait ?? null;
        this.tell(wait === null ? trouble.message : `${trouble.message} Trying again…`);
        if (wait === null) done = asked;
        else await this.#pause(Math.max(wait, WAITS_MS[Math.min(failures++, WAITS_MS.length - 1)]));
      }
    }
    this.busy(false);
    this.#running = false;
  }

  // Sleeps, but no longer than 500 ms once something newer is asked.
  async #pause(ms) {
    await Promise.race([sleep(ms), new Promise((resolve) => { this.#wake = () => setTimeout(resolve, Math.min(ms, 500)); })]);
    this.#wake = null;
  }
}
