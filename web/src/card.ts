// @ts-nocheck
// One broadcast on the home page.

import { mediaURL, watchURL } from './address.ts';
import * as format from './format.ts';
import { Source, engine } from './source.ts';
import { label } from './status.ts';

export class Card {
  #parts;
  #source = null;
  #video = null;
  #playing = '';

  constructor(id) {
    this.id = id;
    this.element = document.createElement('li');
    this.element.className = 'card';
    this.element.innerHTML = `
      <div class="card-media">
        <img class="card-poster" alt="" decoding="async" hidden>
        <div class="card-initial" aria-hidden="true"></div>
        <div class="card-top"><span class="badge"></span><span class="pill pill-warn" hidden><svg class="icon" aria-hidden="true"><use href="#i-warn"/></svg><span></span></span></div>
        <div class="card-bottom"><span class="pill"></span><span class="pill"></span></div>
      </div>
      <div class="card-body"><h2 class="card-title"><a></a></h2><p class="card-meta"></p></div>`;
    const part = (selector) => this.element.querySelector(selector);
    this.#parts = {
      media: part('.card-media'), poster: part('.card-poster'), badge: part('.badge'), warn: part('.pill-warn'), warnText: part('.pill-warn span'),
      size: part('.card-bottom .pill:first-child'), uptime: part('.card-bottom .pill:last-child'),
      link: part('a'), meta: part('.card-meta'),
    };
    // The id is untrusted text of the broadcaster: it is only set as textContent.
    part('.card-initial').textContent = id.slice(0, 2).toUpperCase();
    this.#parts.media.dataset.tint = String(format.hash(id, 6));
    const { poster } = this.#parts;
    poster.addEventListener('load', () => { poster.hidden = false; });
    poster.addEventListener('error', () => { poster.hidden = true; });
    this.#parts.link.textContent = id;
    this.#parts.link.href = watchURL(id);
  }

  /** Shows the state of the broadcast. */
  update(broadcast) {
    this.broadcast = broadcast;
    const { badge, warn, warnText, size, meta } = this.#parts;
    badge.dataset.state = broadcast.state;
    badge.textContent = label(broadcast.state);
    const height = format.mainRendition(broadcast)?.height;
    size.textContent = height > 0 ? `${height}p` : '';
    meta.textContent = format.summary(broadcast);
    const warnings = broadcast.warnings ?? [];
    warn.hidden = warnings.length === 0;
    warn.title = warnings.map((w) => w.text).join('\n');
    warnText.textContent = warnings.length === 1 ? '1 note' : `${warnings.length} notes`;
    this.#showPoster();
    this.tick();
    if (this.#playing && this.#playing !== broadcast.started_at) this.preview(true);
  }

  // A newer poster replaces an older one when it is loaded; a moving picture needs no newer one.
  #showPoster() {
    const { poster } = this.#parts;
    if (!this.broadcast.poster || poster.src && this.#video?.classList.contains('is-on')) return;
    const url = mediaURL(this.broadcast.poster);
    if (poster.src !== url) poster.src = url;
  }

  /** Called every second. */
  tick() {
    const started = Date.parse(this.broadcast.started_at);
    this.#parts.uptime.textContent = this.broadcast.state !== 'starting' && Number.isFinite(started) ? format.uptime(Date.now() - started) : '';
    if (this.broadcast.state === 'live') this.#source?.watch();
  }

  /** Starts or stops the moving picture. */
  preview(on) {
    const { state, started_at: started, playlist } = this.broadcast;
    if (!on || state === 'starting' || !engine()) return this.#stop();
    if (this.#playing === started) return;
    this.#stop();
    this.#playing = started;
    const video = document.createElement('video');
    video.muted = true;
    video.playsInline = true;
    video.tabIndex = -1;
    video.setAttribute('aria-hidden', 'true');
    this.#parts.media.prepend(video);
    this.#video = video;
    this.#source = new Source(video, { preview: true });
    this.#source.addEventListener('change', () => video.classList.toggle('is-on', video.readyState >= 2));
    this.#source.load(mediaURL(playlist));
  }

  /** Stops the preview and removes the card. */
  remove() {
    this.#stop();
    this.element.remove();
  }

  #stop() {
    this.#playing = '';
    this.#source?.unload();
    this.#source = null;
    this.#video?.remove();
    this.#video = null;
  }
}
