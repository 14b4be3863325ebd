// @ts-nocheck
// The seek bar: of a replay from its beginning to its end, live from the oldest media to now.

import * as format from './format.ts';
import { Previews } from './previews.ts';

const STEP = 5; // seconds, for an arrow key
const LAST = 0.2; // seconds before the end that a viewer can seek to: the last picture stays visible

export class SeekBar {
  #video;
  #source;
  #parts;
  #previews;
  #shown = false;
  #held = false; // by a pointer
  #wanted = NaN; // the position that the viewer chose, until the video has reached it
  #asked = NaN; // the position that was set last

  constructor(root, video, source) {
    this.#video = video;
    this.#source = source;
    const part = (name) => root.querySelector(`[data-${name}]`);
    this.#parts = { box: part('seek'), input: part('seek-input'), time: part('seek-time'), hint: part('seek-hint') };
    this.#previews = new Previews(part('seek-preview'));
    const { box, input } = this.#parts;
    input.addEventListener('input', () => this.#seek(Number(input.value)));
    input.addEventListener('keydown', (event) => {
      const direction = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!direction || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault(); // instead of the input's own small step
      this.step(direction);
    });
    input.addEventListener('pointerdown', (event) => {
      this.#hold(true);
      this.#point(event);
    });
    // On the document: the pointer may be released anywhere.
    for (const event of ['pointerup', 'pointercancel']) document.addEventListener(event, () => this.#hold(false));
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

  /** Takes the pictures of a storyboard by its address; null is none. */
  picture(storyboard) {
    this.#previews.use(storyboard);
  }

  /** Seeks one step forward (1) or back (-1). */
  step(direction) {
    const at = Number.isFinite(this.#wanted) ? this.#wanted : this.#source.span?.now;
    this.#seek(at + direction * STEP);
  }

  // While the video is seeking, positions are held back, and then only the last is set:
  // otherwise dragging the handle would load everything in between.
  #seek(time) {
    const span = this.#source.span;
    if (!this.#shown || !span) return;
    this.#wanted = Math.max(span.start, Math.min(time, span.end === 0 ? 0 : span.end - LAST));
    if (!this.#video.seeking && this.#source.state !== 'loading') this.#go();
    this.#draw();
  }

  #go() {
    // After the end, a seek starts playing again.
    const again = this.#source.state === 'finished';
    this.#asked = this.#wanted;
    this.#source.seek(this.#wanted);
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
    const span = this.#source.span;
    const { start, end } = span ?? { start: 0, end: 1 };
    const at = Number.isFinite(this.#wanted) ? this.#wanted : (span?.now ?? start);
    const now = this.#held ? Number(input.value) : at;
    const share = (position) => String(span ? Math.min(1, (position - start) / (end - start)) : 0);
    input.disabled = !span;
    input.min = String(start);
    input.max = String(end);
    if (!this.#held) input.value = String(now);
    const live = start < 0;
    time.textContent = live ? format.behindLive(now) : format.position(now, span ? end : NaN) || '–';
    input.setAttribute('aria-label', live ? 'Position in the broadcast' : 'Position in the replay');
    input.setAttribute('aria-valuetext', live ? format.behindLive(now) || 'Live' : span ? format.position(now, end).replace('/', 'of') : '');
    box.style.setProperty('--played', share(now));
    box.style.setProperty('--loaded', share(now + this.#source.buffer));
  }

  #hold(on) {
    this.#held = on;
    this.#parts.box.toggleAttribute('data-held', on);
  }

  /** The time under the pointer. */
  #point(event) {
    const { box, input, hint } = this.#parts;
    const { left, width } = box.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - left) / width));
    box.style.setProperty('--pointed', String(share));
    const [start, end] = [Number(input.min), Number(input.max)];
    const position = start + share * (end - start);
    this.#previews.show(position);
    hint.textContent = start < 0 ? format.behindLive(position) || 'Live' : format.uptime(position * 1000);
  }
}
