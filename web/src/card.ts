// One broadcast in the feed: live, or ended.

import { mediaURL, watchURL } from './address.ts';
import { loadEngine } from './engine.ts';
import * as format from './format.ts';
import { nameOf, type BroadcastRecord } from './records.ts';
import { Source, engine } from './source.ts';
import { label } from './status.ts';

/** The size of a poster in pixels, at most: the picture keeps its place while it loads. */
const POSTER = { width: 640, height: 360 };

const MARKUP = `
  <div class="card-media">
    <img class="card-poster" alt="" width="${POSTER.width}" height="${POSTER.height}" decoding="async" loading="lazy" hidden>
    <div class="card-initial" aria-hidden="true"></div>
    <div class="card-top"><span class="badge"></span><span class="pill pill-warn" hidden><svg class="icon" aria-hidden="true"><use href="#i-warn"/></svg><span></span></span></div>
    <div class="card-bottom"><span class="pill"></span><span class="pill"></span></div>
  </div>
  <div class="card-body"><h3 class="card-title"><a></a></h3><p class="card-meta"></p></div>`;

interface Parts {
  media: HTMLElement;
  poster: HTMLImageElement;
  initial: HTMLElement;
  badge: HTMLElement;
  warn: HTMLElement;
  warnText: HTMLElement;
  left: HTMLElement;
  right: HTMLElement;
  link: HTMLAnchorElement;
  meta: HTMLElement;
}

export class Card {
  readonly element = document.createElement('li');
  broadcast: BroadcastRecord;
  #parts: Parts;
  #source: Source | null = null;
  #video: HTMLVideoElement | null = null;
  #playing = '';
  #fresh: boolean;

  /** `fresh`: it has just begun, and the first time it plays with low latency, so that its first picture is seen soon. */
  constructor(broadcast: BroadcastRecord, fresh = false) {
    this.broadcast = broadcast;
    this.#fresh = fresh;
    this.element.className = 'card';
    this.element.innerHTML = MARKUP;
    const part = <T extends HTMLElement>(selector: string): T => this.element.querySelector(selector) as T;
    this.#parts = {
      media: part('.card-media'), poster: part('.card-poster'), initial: part('.card-initial'), badge: part('.badge'),
      warn: part('.pill-warn'), warnText: part('.pill-warn span'),
      left: part('.card-bottom .pill:first-child'), right: part('.card-bottom .pill:last-child'),
      link: part('a'), meta: part('.card-meta'),
    };
    const { media, poster, link } = this.#parts;
    media.dataset.tint = String(format.hash(broadcast.id, 6));
    poster.addEventListener('load', () => { poster.hidden = false; });
    poster.addEventListener('error', () => { poster.hidden = true; });
    link.href = watchURL(broadcast.id) + (broadcast.state === 'ended' ? '?replay' : '');
    this.update(broadcast);
  }

  get id(): string { return this.broadcast.id; }

  /** Shows the state of the broadcast, whose texts are untrusted: they are only set as textContent. */
  update(broadcast: BroadcastRecord): void {
    this.broadcast = broadcast;
    const { badge, warn, warnText, link, meta, initial } = this.#parts;
    const name = nameOf(broadcast);
    initial.textContent = name.slice(0, 2).toUpperCase();
    if (link.textContent !== name) link.textContent = name;
    link.title = name;
    badge.dataset.state = broadcast.state;
    badge.textContent = label(broadcast.state);
    meta.textContent = broadcast.state === 'ended' ? ended(broadcast) : format.summary(broadcast);
    const warnings = broadcast.warnings;
    warn.hidden = warnings.length === 0;
    warn.title = warnings.map((w) => w.text).join('\n');
    warnText.textContent = warnings.length === 1 ? '1 note' : `${warnings.length} notes`;
    this.#showPoster();
    this.tick();
    if (this.#playing && this.#playing !== broadcast.started_at) this.preview(broadcast.state !== 'ended');
  }

  // A newer poster replaces an older one when it is loaded; a moving picture needs no newer one.
  #showPoster(): void {
    const { poster } = this.#parts;
    if (!this.broadcast.poster || poster.src && this.#video?.classList.contains('is-on')) return;
    const url = mediaURL(this.broadcast.poster);
    if (poster.src === url) return;
    if (poster.hidden) poster.loading = 'eager'; // what is hidden is never in view
    poster.src = url;
  }

  /** Called every second. */
  tick(): void {
    const { state, started_at: started, ended_at: end } = this.broadcast;
    const { left, right } = this.#parts;
    const since = Date.parse(started ?? '');
    const until = state === 'ended' ? Date.parse(end ?? '') : Date.now();
    right.textContent = state !== 'starting' && until >= since ? format.uptime(until - since) : '';
    const height = Number(format.mainRendition(this.broadcast)?.height);
    left.textContent = height > 0 && state !== 'ended' ? `${height}p` : '';
    if (state === 'live') this.#source?.watch();
  }

  /** Starts or stops the moving picture. */
  preview(on: boolean): void {
    const { state, started_at: started } = this.broadcast;
    if (!on || state !== 'live' && state !== 'reconnecting') return this.#stop();
    if (this.#playing === started) return;
    this.#stop();
    this.#playing = started ?? 'live';
    const playing = this.#playing;
    void loadEngine().then(() => { if (this.#playing === playing && !this.#video) this.#play(); });
  }

  #play(): void {
    if (!engine()) return;
    const video = document.createElement('video');
    video.muted = true;
    video.playsInline = true;
    video.tabIndex = -1;
    video.setAttribute('aria-hidden', 'true');
    this.#parts.media.prepend(video);
    this.#video = video;
    const source = new Source(video, { preview: true, lowLatency: this.#fresh });
    this.#fresh = false;
    this.#source = source;
    source.addEventListener('change', () => video.classList.toggle('is-on', video.readyState >= 2));
    source.load(mediaURL(this.broadcast.playlist));
  }

  #stop(): void {
    this.#playing = '';
    this.#source?.unload();
    this.#source = null;
    this.#video?.remove();
    this.#video = null;
  }
}

function ended(b: BroadcastRecord): string {
  const ago = format.ago(Date.now() - Date.parse(b.ended_at ?? ''));
  return ago ? `Ended ${ago}` : 'Ended';
}
