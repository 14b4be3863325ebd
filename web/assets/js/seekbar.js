// The seek bar of a replay.

import * as format from './format.js';

const STEP = 5; // seconds, for an arrow key
const LAST = 0.2; // seconds before the end that a viewer can seek to: the last picture stays visible

export class SeekBar {
  #video;
  #source;
  #parts;
  #shown = false;
  #held = false; // by a pointer
  #wanted = NaN; // the position that the viewer chose, until the video has reached it
  #asked = NaN; // the position that was set last

  constructor(root, video, source) {
    this.#video = video;
    this.#source = source;
    const part = (name) => root.querySelector(`[data-${name}]`);
    this.#parts = { box: part('seek'), input: part('seek-input'), time: part('seek-time'), hint: part('seek-hint') };
    const { box, input } = this.#parts;
    input.addEventListener('input', () => this.#seek(Number(input.value)));
    input.addEventListener('keydown', (event) => {
      const direction = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!direction || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault(); // instead of the input's own small step
      this.step(direction);
    });
    input.addEventListener('pointerdown', () => { this.#held = true; });
    // On the document: the pointer may be released anywhere.
    for (const event of ['pointerup', 'pointercancel']) document.addEventListener(event, () => { this.#held = false; });
    box.addEventListener('pointermove', (event) => this.#point(event));
    for (const event of ['timeupdate', 'durationchange', 'progress', 'emptied']) video.addEventListener(event, () => this.#draw());
    video.addEventListener('seeked', () => this.#arrived());
    video.addEventListener('emptied', () => { this.#wanted = NaN; });
  }

  /** Shows or hides it. */
  show(on) {
    if (on === this.#shown) return;
    this.#shown = on;
    this.#parts.box.hidden = !on;
    this.#parts.time.hidden = !on;
    this.#draw();
  }

  /** Seeks one step forward (1) or back (-1). */
  step(direction) {
    this.#seek(this.#position + direction * STEP);
  }

  get #position() {
    return Number.isFinite(this.#wanted) ? this.#wanted : this.#video.currentTime;
  }

  // While the video is seeking, positions are held back, and then only the last is set:
  // otherwise dragging the handle would load everything in between.
  #seek(time) {
    const { duration, seeking } = this.#video;
    if (!this.#shown || !Number.isFinite(duration)) return;
    this.#wanted = Math.max(0, Math.min(time, duration - LAST));
    if (!seeking) this.#go();
    this.#draw();
  }

  #go() {
    // After the end, a seek starts playing again.
    const again = this.#source.state === 'finished';
    this.#asked = this.#wanted;
    this.#video.currentTime = this.#wanted;
    if (again) this.#source.play();
  }

  #arrived() {
    if (Number.isFinite(this.#wanted) && this.#wanted !== this.#asked) return this.#go();
    this.#wanted = NaN;
    this.#draw();
  }

  #draw() {
    if (!this.#shown) return;
    const { box, input, time } = this.#parts;
    const { duration } = this.#video;
    const known = Number.isFinite(duration) && duration > 0;
    const now = this.#held ? Number(input.value) : this.#position;
    input.disabled = !known;
    input.max = String(known ? duration : 1);
    if (!this.#held) input.value = String(known ? now : 0);
    input.setAttribute('aria-valuetext', known ? format.position(now, duration).replace('/', 'of') : '');
    time.textContent = format.position(now, duration) || '–';
    box.style.setProperty('--played', String(known ? now / duration : 0));
    box.style.setProperty('--loaded', String(known ? Math.min(1, (this.#video.currentTime + this.#source.buffer) / duration) : 0));
  }

  /** The time under the pointer. */
  #point(event) {
    const { box, input, hint } = this.#parts;
    const { left, width } = box.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - left) / width));
    box.style.setProperty('--pointed', String(share));
    hint.textContent = format.uptime(share * Number(input.max) * 1000);
  }
}
