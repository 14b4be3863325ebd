// A broadcast in a player: asks what state it is in, plays it when there is
// something to play, and says why when there is not.

import { fetchBroadcast, poll } from './api.js';
import { Controls } from './controls.js';
import { Source } from './source.js';
import { label, statusOf } from './status.js';

const PLAYABLE = new Set(['live', 'reconnecting']);

/** Fires "change" twice a second and whenever something happens; then `broadcast`, `status` and `source` are current. */
export class Player extends EventTarget {
  #root;
  #parts;
  #playing = '';
  #reachable = true;

  broadcast = undefined;
  status = statusOf({ broadcast: undefined, reachable: true, playback: 'idle' });

  constructor(root) {
    super();
    this.#root = root;
    const part = (name) => root.querySelector(`[data-${name}]`);
    this.#parts = { badge: part('badge'), toast: part('toast'), message: part('message'), title: part('title'), detail: part('detail'), retry: part('retry') };
    this.video = root.querySelector('video');
    this.source = new Source(this.video);
    this.controls = new Controls(root, this.video, this.source);
    this.source.addEventListener('change', () => this.#update());
    this.#parts.retry.addEventListener('click', () => {
      this.source.retry();
      this.#poll.now();
    });
    // Soon while something is about to begin, else every two seconds.
    this.#poll = poll(
      (signal) => fetchBroadcast(root.dataset.id, signal),
      (broadcast, error) => this.#heard(broadcast, error),
      { interval: (b) => (b?.state === 'starting' ? 500 : 2000) },
    );
    setInterval(() => this.#tick(), 500);
  }

  #poll;

  #heard(broadcast, error) {
    this.#reachable = !error;
    if (!error) {
      this.broadcast = broadcast;
      this.#follow();
    }
    this.#update();
  }

  /** Loads what has become playable; a new publication under the same id is new. */
  #follow() {
    const b = this.broadcast;
    if (!b || !PLAYABLE.has(b.state)) {
      // A broadcast that is gone, or is beginning anew, has nothing more to give.
      if (b?.state === 'starting' || (!b && this.source.state === 'failed')) this.#drop();
      if (b?.state === 'ended' && this.source.state !== 'playing') this.#drop();
      return;
    }
    const publication = `${b.playlist} ${b.started_at}`;
    if (publication === this.#playing && this.source.loaded && this.source.state !== 'finished') return;
    this.#playing = publication;
    this.source.load(b.playlist);
  }

  #drop() {
    this.#playing = '';
    if (this.source.loaded) this.source.unload();
  }

  #tick() {
    if (this.broadcast?.state === 'live' && this.#reachable) this.source.watch();
    this.#update();
  }

  #update() {
    this.status = statusOf({
      broadcast: this.broadcast,
      reachable: this.#reachable,
      playback: this.source.state,
      retryIn: this.source.retryAt - performance.now(),
    });
    const { state, cover, toast, busy, retry, calm } = this.status;
    const { badge, toast: toastLine, message, title, detail, retry: button } = this.#parts;
    this.#root.dataset.state = state;
    this.#root.toggleAttribute('data-busy', busy);
    this.#root.toggleAttribute('data-blank', cover !== null);
    badge.dataset.state = state;
    setText(badge, label(state));
    setText(toastLine, toast);
    toastLine.hidden = toast === '';
    message.hidden = cover === null;
    message.toggleAttribute('data-calm', Boolean(calm));
    if (cover) {
      setText(title, cover.title);
      setText(detail, cover.detail);
    }
    button.hidden = !retry;
    this.controls.update(cover === null);
    this.dispatchEvent(new Event('change'));
  }
}

// Screen readers announce every write to a live region, so equal text is not written.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
