// The camera: mirrored frames, the middle square at the model's size, JPEG both ways, two requests in
// flight. Answers are numbered; one that was overtaken is dropped.
import { send } from './ask.js';

const IN_FLIGHT = 2;

export function cameraTrouble() {
  if (!window.isSecureContext)
    return `The browser gives the camera only to pages over HTTPS or on localhost; this one came from ${location.origin}.`;
  if (!navigator.mediaDevices?.getUserMedia) return 'This browser has no access to cameras.';
  return null;
}

export class Camera {
  #stream = null;
  #video = document.createElement('video');
  #sent = 0;
  #shown = 0;
  #flying = 0;
  #times = [];

  // sketch: whose canvas shows the frames; query(): fields of the request; size(): the model's side;
  // show(answer): the newest answer; tell(text, error).
  constructor({ sketch, query, size, show, tell }) {
    Object.assign(this, { sketch, query, size, show, tell });
  }

  get on() { return this.#stream !== null; }

  async start() {
    const trouble = cameraTrouble();
    if (trouble) throw new Error(trouble);
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480, facingMode: 'user' } });
    } catch (error) {
      throw new Error(error.name === 'NotAllowedError' ? 'The browser was told not to give this page the camera.'
        : error.name === 'NotFoundError' ? 'There is no camera.' : `The camera does not start: ${error.message}`);
    }
    this.#video.srcObject = this.#stream;
    this.#video.muted = this.#video.playsInline = true;
    await this.#video.play();
    this.sketch.remember();
    this.sketch.resize(512, 512);
    this.#sent = this.#shown = this.#flying = 0;
    this.#times = [];
    for (let i = 0; i < IN_FLIGHT; i++) this.#loop(this.#stream);
  }

  // The last frame stays as the sketch: a still.
  stop() {
    if (!this.#stream) return;
    for (const track of this.#stream.getTracks()) track.stop();
    this.#stream = this.#video.srcObject = null;
    this.sketch.touched = true;
    this.sketch.changed(true);
  }

  #frame() {
    const { context, canvas } = this.sketch, v = this.#video, side = Math.min(v.videoWidth, v.videoHeight);
    context.save();
    context.setTransform(-1, 0, 0, 1, canvas.width, 0); // as in a mirror
    context.drawImage(v, (v.videoWidth - side) / 2, (v.videoHeight - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
    context.restore();
    return this.sketch.blob('image/jpeg', this.size(), this.size());
  }

  rate() {
    const now = performance.now();
    this.#times = this.#times.filter((t) => t > now - 1000);
    return this.#times.length;
  }

  async #loop(stream) {
    while (this.#stream === stream) {
      try {
        const number = ++this.#sent;
        const answer = await send(await this.#frame(), { ...this.query(), format: 'jpeg', quality: 80 });
        if (this.#stream !== stream) return;
        if (number < this.#shown) continue;
        this.#shown = number;
        await this.show(answer);
        this.#times.push(performance.now());
        this.tell(`${this.rate()} pictures a second`, false);
      } catch (trouble) {
        this.tell(trouble.message, true);
        await new Promise((resolve) => setTimeout(resolve, trouble.wait ?? 1000));
      }
      await new Promise(requestAnimationFrame); // at most one a frame of the screen
    }
  }
}
