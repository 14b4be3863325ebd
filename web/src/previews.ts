// @ts-nocheck
// The previews over the seek bar. Their storyboard is loaded when a viewer first points at the bar.

import { parse, pictureAt } from './storyboard.ts';

export class Previews {
  #element;
  #url = null;
  #pictures = null; // null before the storyboard is loaded
  #sheets = new Map(); // by URL, whether it is loaded
  #time = NaN; // the time that the viewer points at

  constructor(element) {
    this.#element = element;
  }

  /** Uses the pictures of another storyboard, or none (null). */
  use(url) {
    if (url === this.#url) return;
    this.#url = url;
    this.#pictures = null;
    this.#sheets.clear();
    this.#draw();
  }

  /** Shows the picture of a time, in seconds. */
  show(time) {
    this.#time = time;
    if (this.#url && !this.#pictures) this.#load(this.#url);
    this.#draw();
  }

  async #load(url) {
    this.#pictures = []; // it is requested once
    try {
      const response = await fetch(url);
      if (!response.ok) return;
      const text = await response.text();
      if (url === this.#url) this.#pictures = parse(text, url);
    } catch {
      return; // the bar works without pictures
    }
    this.#draw();
  }

  #draw() {
    const picture = pictureAt(this.#pictures ?? [], this.#time);
    const ready = picture && this.#isLoaded(picture.url);
    this.#element.hidden = !ready;
    this.#element.parentElement.toggleAttribute('data-pictured', Boolean(ready));
    if (!ready) return;
    const { style } = this.#element;
    style.width = `${picture.width}px`;
    style.height = `${picture.height}px`;
    style.backgroundImage = `url("${picture.url}")`;
    style.backgroundPosition = `-${picture.x}px -${picture.y}px`;
  }

  #isLoaded(url) {
    if (!this.#sheets.has(url)) {
      this.#sheets.set(url, false);
      const sheet = new Image();
      sheet.addEventListener('load', () => {
        this.#sheets.set(url, true);
        this.#draw();
      });
      sheet.src = url;
    }
    return this.#sheets.get(url);
  }
}
