// @ts-nocheck
// A broadcast in a player: polls its state, plays it when possible, and otherwise
// shows why not. When it has ended it offers the replay.

import { access } from './access.ts';
import { mediaURL } from './address.ts';
import { fetchBroadcast, poll, statusOfMedia } from './api.ts';
import { Controls } from './controls.ts';
import { Source } from './source.ts';
import { isPlayable, isPlayedOut, isReachable, isReplayOver, label, statusOf } from './status.ts';

// Milliseconds without a tick, in a page that can be seen, after which the computer has slept.
const SLEPT = 5000;

/** Fires "change" twice a second and whenever something happens; then `broadcast`, `status`, `source` and `replaying` are current. */
export class Player extends EventTarget {
  #root;
  #parts;
  #playing = '';
  #reachable = true;
  #denied; // undefined until the server was asked
  #answeredAt = -Infinity; // when the server answered last
  #wantsReplay; // as soon as there is one
  #hasPlayed = false;
  #tickedAt = Date.now();

  broadcast = undefined;
  replaying = false;
  status = statusOf({ broadcast: undefined, reachable: true, playback: 'idle' });

  constructor(root, { replay = false } = {}) {
    super();
    this.#root = root;
    this.#wantsReplay = replay;
    const part = (name) => root.querySelector(`[data-${name}]`);
    this.#parts = {
      badge: part('badge'), toast: part('toast'), toastText: part('toast-text'), live: part('watch-live'),
      message: part('message'), title: part('title'), detail: part('detail'), retry: part('retry'), replay: part('watch-replay'),
    };
    this.video = root.querySelector('video');
    this.source = new Source(this.video);
    this.controls = new Controls(root, this.video, this.source);
    this.source.addEventListener('change', () => this.#update());
    this.#parts.retry.addEventListener('click', () => {
      this.source.retry();
      this.#poll.now();
    });
    this.#parts.replay.addEventListener('click', () => {
      // Only the first click turns the sound on: later the viewer has chosen.
      if (!this.#hasPlayed) this.video.muted = false;
      this.#watchReplay();
    });
    this.#parts.live.addEventListener('click', () => {
      this.#leaveReplay();
      this.#follow();
      this.#update();
    });
    // More often while something is about to begin, or to go on; otherwise every two seconds.
    this.#poll = poll(
      (signal) => this.#ask(signal),
      (broadcast, error) => this.#answered(broadcast, error),
      { interval: (b) => ({ starting: 200, reconnecting: 1000 })[b?.state] ?? 2000 },
    );
    setInterval(() => this.#tick(), 500);
  }

  #poll;

  async #ask(signal) {
    const { id, token } = this.#root.dataset;
    const told = await fetchBroadcast(id, signal);
    // Without a token, a broadcast that does not exist is asked for once.
    if (!told && !token && this.#denied === false) return null;
    const doubtful = this.#denied || this.source.state === 'failed' || Boolean(token) && this.#denied === undefined;
    const { denied, broadcast } = await access({ id, token, told, doubtful, head: (name) => statusOfMedia(id, token, name) });
    this.#denied = denied;
    return broadcast;
  }

  #answered(broadcast, error) {
    const away = !this.#reachable;
    this.#reachable = isReachable(error, performance.now() - this.#answeredAt);
    // The source may wait for up to ten seconds before it tries again.
    if (away && this.#reachable && this.source.state === 'failed') this.source.retry();
    if (!error) {
      this.#answeredAt = performance.now();
      this.broadcast = broadcast;
      this.#follow();
      if (!this.replaying && isPlayable(broadcast)) this.source.quality.offer(broadcast.renditions.map(({ name }) => name));
    }
    this.#update();
  }

  /** Loads what has become playable; a new broadcast under the same id is loaded again. */
  #follow() {
    const b = this.broadcast;
    if (this.#denied) {
      if (this.source.state === 'failed') {
        this.#wantsReplay ||= this.replaying;
        this.#leaveReplay();
      }
      return;
    }
    if (this.replaying) {
      if (!isReplayOver(b, this.source.state)) return;
      this.#leaveReplay();
    }
    if (this.#wantsReplay && b?.replay) return this.#watchReplay();
    if (!isPlayable(b)) {
      // The media of a broadcast that has ended, or has begun again, no longer exists.
      if (b?.state === 'starting' || (!b && this.source.state === 'failed')) this.#drop();
      if (isPlayedOut(b, this.source.state, this.source.stillFor)) this.#drop();
      return;
    }
    const publication = `${b.playlist} ${b.started_at}`;
    if (publication === this.#playing && this.source.loaded && this.source.state !== 'finished') return;
    this.#playing = publication;
    this.#wantsReplay = false;
    this.#hasPlayed = true;
    const older = { url: mediaURL(b.playlist_ts), since: Date.parse(b.started_at) / 1000, window: Number(this.#root.dataset.window) };
    this.source.load(mediaURL(b.playlist), { older });
  }

  #watchReplay() {
    this.#wantsReplay = false;
    this.#hasPlayed = true;
    this.replaying = true;
    this.source.load(mediaURL(this.broadcast.replay), { replay: true });
  }

  #leaveReplay() {
    this.replaying = false;
    this.#drop();
  }

  #drop() {
    this.#playing = '';
    if (this.source.loaded) this.source.unload();
  }

  #tick() {
    const slept = Date.now() - this.#tickedAt > SLEPT;
    this.#tickedAt = Date.now();
    if (slept && !document.hidden && !this.video.paused) this.source.wake();
    if (!this.replaying && this.broadcast?.state === 'live' && this.#reachable) this.source.watch();
    else this.source.interrupted();
    this.#update();
  }

  #update() {
    this.status = statusOf({
      broadcast: this.broadcast,
      reachable: this.#reachable,
      denied: this.#denied && (this.#root.dataset.token ? 'over' : 'missing'),
      playback: this.source.state,
      replaying: this.replaying,
      retryIn: this.source.retryAt - performance.now(),
      failingFor: this.source.failingFor,
    });
    const { state, cover, toast, busy, calm } = this.status;
    const { badge, toast: toastLine, toastText, live, message, title, detail, retry, replay } = this.#parts;
    this.#root.dataset.state = state;
    this.#root.toggleAttribute('data-busy', busy);
    this.#root.toggleAttribute('data-blank', cover !== null);
    badge.dataset.state = state;
    setText(badge, label(state));
    setText(toastText, toast);
    toastLine.hidden = toast === '';
    message.hidden = cover === null;
    message.toggleAttribute('data-calm', Boolean(calm));
    if (cover) {
      setText(title, cover.title);
      setText(detail, cover.detail);
    }
    live.hidden = !this.status.live;
    retry.hidden = !this.status.retry;
    replay.hidden = !this.status.replay;
    this.video.setAttribute('aria-label', `${this.replaying ? 'Replay' : 'Live video'} of ${this.broadcast?.title || this.#root.dataset.name}`);
    this.#showPoster();
    const storyboard = this.replaying ? this.broadcast?.storyboard : null;
    this.controls.update(cover === null, this.replaying, storyboard ? mediaURL(storyboard) : null);
    this.dispatchEvent(new Event('change'));
  }

  // Not while the video has a picture of its own: the browser would load each new poster.
  #showPoster() {
    const poster = this.broadcast?.poster;
    if (!poster || this.video.readyState > 1 || this.source.state === 'playing') return;
    const url = mediaURL(poster);
    if (this.video.poster !== url) this.video.poster = url;
    this.#root.toggleAttribute('data-poster', true);
  }
}

// Screen readers announce every write to a live region, so equal text is not written.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
