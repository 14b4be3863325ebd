// A broadcast from this page, from "Go Live" to the replay: what the screen shows of it.

import * as format from './format.ts';
import { watchURL } from './address.ts';
import { GoLiveError, type GoLive, type GoLiveState, type HealthIssue, type StartSettings } from './golive/golive.ts';
import { adaptWords, errorWords, sentence, stateWords, type Words } from './words.ts';

const $ = <T extends HTMLElement = HTMLElement>(name: string): T => document.querySelector(`[data-${name}]`) as T;
const ADAPTED = 20_000; // milliseconds for which a change of the picture is told

/** Fires "over" at the end, and "problem" with words or null. */
export class OnAir extends EventTarget {
  #client: GoLive;
  #issues: HealthIssue[] = [];
  #adapted: { words: Words; until: number } | null = null;
  #since = NaN;
  #undo: (() => void)[] = [];
  #retitle = $<HTMLFormElement>('retitle');

  constructor(client: GoLive, title: string) {
    super();
    this.#client = client;
    const closed = new AbortController();
    this.#undo.push(() => closed.abort());
    this.#undo.push(client.on('state', ({ state }) => this.#show(state)));
    this.#undo.push(client.on('viewers', ({ count }) => { $('viewers').textContent = String(count); }));
    this.#undo.push(client.on('health', ({ issues }) => { this.#issues = issues; this.#note(); }));
    this.#undo.push(client.on('adapt', (detail) => {
      this.#adapted = { words: adaptWords(detail), until: performance.now() + ADAPTED };
      this.#note();
    }));
    this.#undo.push(client.on('error', ({ code, message }) => this.#problem(errorWords(code, message))));
    const timer = setInterval(() => this.#tick(), 1000);
    this.#undo.push(() => clearInterval(timer));
    const input = this.#retitle.elements.namedItem('title') as HTMLInputElement;
    input.value = title;
    this.#retitle.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#try(() => client.setTitle(input.value.trim()));
    }, { signal: closed.signal });
    this.#show('creating');
  }

  /** On air, or about to be. */
  get running(): boolean { return !['idle', 'ended', 'failed'].includes(this.#client.state); }

  async start(stream: MediaStream, settings: StartSettings): Promise<void> {
    const broadcast = await this.#client.start(stream, settings);
    const link = broadcast.playback.watch || watchURL(broadcast.id);
    $('link').textContent = link;
    $('share').hidden = false;
    const replay = $<HTMLAnchorElement>('replay');
    const url = new URL(link);
    url.search = '?replay';
    replay.href = url.href;
    this.#show(this.#client.state);
  }

  replace(stream: MediaStream): Promise<void> { return this.#try(() => this.#client.replaceTracks(stream)); }
  publish(): Promise<void> { return this.#try(() => this.#client.publish()); }
  stop(): Promise<void> { return this.#try(() => this.#client.stop()); }

  /** Forgets the broadcast. */
  close(): void {
    for (const undo of this.#undo) undo();
  }

  async #try(act: () => Promise<void>): Promise<void> {
    this.#problem(null);
    try {
      await act();
    } catch (error) {
      this.#problem(error instanceof GoLiveError ? errorWords(error.code, error.message) : errorWords('internal', String(error)));
    }
  }

  #problem(words: Words | null): void { this.dispatchEvent(new CustomEvent('problem', { detail: words })); }

  #show(state: GoLiveState): void {
    const { title, text } = stateWords(state);
    const over = state === 'ended' || state === 'failed';
    const sending = state === 'preview' || state === 'live' || state === 'reconnecting';
    $('screen').dataset.state = state;
    $('air-title').textContent = title;
    $('air-text').textContent = text;
    const badge = $('badge');
    badge.dataset.state = state;
    badge.textContent = { live: 'Live', preview: 'Preview', reconnecting: 'Reconnecting', ended: 'Ended', failed: 'Not on air' }[state as string] ?? 'Starting';
    if (state === 'live' && Number.isNaN(this.#since)) this.#since = performance.now();
    $('publish-now').hidden = state !== 'preview';
    $('retitle').hidden = !sending;
    $('stop').hidden = over || state === 'creating';
    $('numbers').hidden = !sending;
    $('time-pill').hidden = Number.isNaN(this.#since);
    $('viewers-pill').hidden = !sending;
    $('replay').hidden = state !== 'ended' || $('link').textContent === '';
    $('again').hidden = !over;
    if (state === 'live' || state === 'preview') this.#problem(null);
    if (!over) return;
    $('share').hidden = true;
    this.#issues = [];
    this.#adapted = null;
    this.#note();
    this.dispatchEvent(new Event('over'));
  }

  #tick(): void {
    if (!this.running) return;
    if (!Number.isNaN(this.#since)) $('time').textContent = format.uptime(performance.now() - this.#since);
    const { videoBitrate, frameRate, width, height, delayMs } = this.#client.stats;
    const set = (name: string, text: string): void => { (document.querySelector(`[data-number=${name}]`) as HTMLElement).textContent = text || '–'; };
    set('picture', height > 0 ? `${width} × ${height}, ${Math.round(frameRate)} fps` : '');
    set('bitrate', format.bitrate(videoBitrate));
    set('delay', format.seconds(delayMs / 1000));
    if (this.#adapted && this.#adapted.until < performance.now()) {
      this.#adapted = null;
      this.#note();
    }
  }

  /** Shows what the broadcaster should know of. */
  #note(): void {
    const issues = this.#issues.map(({ reason, advice }) => ({ title: sentence(reason), text: sentence(advice) }));
    const notes = [...(this.#adapted ? [this.#adapted.words] : []), ...issues];
    $('issues').replaceChildren(...notes.map(({ title, text }) => {
      const item = document.createElement('li');
      item.append(Object.assign(document.createElement('b'), { textContent: title }), text);
      return item;
    }));
  }
}
