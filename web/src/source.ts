// @ts-nocheck
// One <video> and where its media comes from: hls.js, or the browser's own HLS
// where hls.js cannot run. Recovers from errors by itself.

import { followNetwork } from './network.ts';
import { catchUpRate } from './pace.ts';
import { Quality } from './quality.ts';
import { Recovery } from './recovery.ts';
import { SETTINGS } from './settings.ts';
import { firstPlace, isLive, liveEnd, placeOf, reach } from './timeline.ts';

const MIME = 'application/vnd.apple.mpegurl';
const STALL_LIMIT = 10_000; // milliseconds until a stalled source is loaded again
const LOST_LIMIT = 3_000; // the same after an interruption, unless media is being loaded
const LOADING = 1_000; // milliseconds since media was loaded in which it counts as being loaded
const NUDGE_LIMIT = 2_000; // milliseconds that hls.js has to recover by itself
const WATCH_PAUSE = 3_000; // milliseconds: more than between two calls of watch()
const CATCH_UP = 2; // seconds behind after an outage, above which playback jumps to the live edge
const FAR_BEHIND = 3; // seconds, which would take too long to catch up by playing faster
const CALM = 30_000; // milliseconds without a stall, after which the delay that stalls add is removed
const LIVE_REACH = 8; // seconds behind the live end that the live playlist always covers
const BITRATE_SPAN = 10; // seconds of media that the measured bitrate covers

/** "hls.js", "native", or "" when this browser can play no HLS. */
export function engine() {
  if (globalThis.Hls?.isSupported()) return 'hls.js';
  return document.createElement('video').canPlayType(MIME) ? 'native' : '';
}

/**
 * Fires "change" when `state` has changed: idle, loading, playing, buffering,
 * failed (see `retryAt`), finished or unsupported.
 */
export class Source extends EventTarget {
  #video;
  #preview;
  #lowLatency; // of a preview
  #url = '';
  #replay = false;
  #older = null; // see load
  #rewound = false; // the playlist of older media is loaded
  #following = true; // the viewer wants to be at the live end
  #position = 0; // the viewer's position: seconds in a replay, a date behind the live end
  #end = NaN; // the date of the live end
  #hls = null;
  #recovery = new Recovery();
  #retryTimer = 0;
  #samples = [];
  #progress = { time: -1, at: 0, nudged: false };
  #watched = 0;
  #settled = false; // the delay was judged since it was attached, or since the last stall
  #lost = false; // since an interruption or failure
  #movedAt = 0; // when media last played, or its playlist was loaded
  #loadedAt = 0; // when media was last loaded
  #failedAt = NaN; // when it first failed since media played
  #stalledAt = NaN; // when it last ran out of data
  #wasPlaying = false; // when the page was hidden
  #frozen = false; // since then

  state = 'idle';
  /** The viewer's choice among qualities. */
  quality = new Quality();
  /** When a failed source tries again, on performance.now()'s clock. */
  retryAt = 0;

  constructor(video, { preview = false, lowLatency = false } = {}) {
    super();
    this.#video = video;
    this.#preview = preview;
    this.#lowLatency = lowLatency;
    this.quality.addEventListener('reload', () => this.retry());
    video.addEventListener('playing', () => this.#moving());
    video.addEventListener('timeupdate', () => {
      this.#movedAt = performance.now();
      if (this.state !== 'playing') this.#moving();
      else this.#note();
      this.#catchUp();
    });
    video.addEventListener('seeking', () => this.#note());
    video.addEventListener('waiting', () => {
      if (!this.#url || this.state !== 'playing') return;
      this.#stalledAt = performance.now();
      this.#settled = false;
      this.#set('buffering');
    });
    video.addEventListener('ended', () => { if (this.#url) this.#set('finished'); });
    video.addEventListener('error', () => { if (this.#url && !this.#hls) this.#fail(nativeErrorKind(video.error)); });
    // A hidden page may be frozen, and its video paused by the browser.
    document.addEventListener('freeze', () => { this.#frozen = true; });
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#wasPlaying = !video.paused;
      else if (this.#frozen && this.#wasPlaying) this.wake();
      else if (!video.paused && this.behind > CATCH_UP) this.goLive();
      this.#frozen = false;
    });
  }

  get loaded() { return this.#url !== ''; }

  /** Milliseconds since the first failure since media played; 0 without one. */
  get failingFor() { return Number.isFinite(this.#failedAt) ? performance.now() - this.#failedAt : 0; }

  /** Milliseconds since media last played, or was loaded. */
  get stillFor() { return performance.now() - Math.max(this.#movedAt, this.#loadedAt); }

  /**
   * Plays the playlist at url from its live edge; a replay from its beginning. `older` is for
   * going back: `url` of the playlist with older media, `since` when the broadcast began (its date in
   * seconds), and `window`, the seconds that the server keeps.
   */
  load(url, { replay = false, older = null } = {}) {
    this.unload();
    if (!engine()) return this.#set('unsupported');
    this.#url = url;
    this.#replay = replay;
    this.#older = older;
    this.#rewound = false;
    this.#following = !replay;
    this.#position = 0;
    this.#end = NaN;
    this.#movedAt = performance.now();
    this.#recovery.healthy();
    this.quality.reset();
    this.#attach();
  }

  /** Unloads the media and stops all recovery. */
  unload() {
    this.#detach();
    this.#url = '';
    this.#failedAt = NaN;
    this.#set('idle');
  }

  /** Called while no media can be arriving: the server or the broadcaster is away. */
  interrupted() {
    this.#lost = true;
    this.#watched = -Infinity;
  }

  /** Called when the page was suspended: the live end that hls.js knows is old, so it is loaded again. */
  wake() {
    if (!this.#url || this.state === 'finished') return;
    if (this.#following) this.retry();
    else this.resume();
  }

  /** Recovers now instead of at retryAt; it continues where it stopped, or at the live edge. */
  retry() {
    if (!this.#url) return;
    this.#detach();
    this.#attach();
  }

  /**
   * Called about every second while media should be arriving. If playback has stood still for too
   * long, without any error, the source is loaded again. If the live edge has moved on meanwhile,
   * playback first jumps there, because hls.js (1.7.4) sometimes waits forever, and continues after
   * a seek: after a part with nothing to play (a single picture before a lost connection), and
   * when a playlist completed a segment while a part of it was still being appended.
   */
  watch() {
    const v = this.#video;
    const now = performance.now();
    // The absence of the broadcaster was not a stall.
    const resumed = now - this.#watched > WATCH_PAUSE;
    this.#watched = now;
    // The delay of a slow start on a busy machine, or of a slow network, would otherwise stay.
    if (!this.#settled && this.state === 'playing' && !v.paused && this.buffer > 0 && !(now - this.#stalledAt <= CALM)) {
      this.#settled = true;
      this.#forgetStalls();
      if (this.behind > FAR_BEHIND) return this.goLive();
    }
    const idle = !this.#url || v.paused || this.state === 'failed' || this.state === 'finished';
    if (idle || resumed || document.hidden || v.currentTime !== this.#progress.time) {
      this.#progress = { time: v.currentTime, at: now, nudged: false };
    } else if (now - this.#progress.at > (this.#lost && now - this.#loadedAt > LOADING ? LOST_LIMIT : STALL_LIMIT)) {
      this.#progress.at = now;
      this.#fail('other');
    } else if (now - this.#progress.at > NUDGE_LIMIT && !this.#progress.nudged && this.#ahead < 0.5 && this.#following && this.#listed > CATCH_UP / 2) {
      this.goLive();
      this.#progress = { time: v.currentTime, at: now, nudged: true };
    }
  }

  /** Seconds behind the live edge; NaN when not known. */
  get latency() {
    if (this.#hls) return this.#hls.latency > 0 ? this.#hls.latency : NaN;
    const { seekable, currentTime } = this.#video;
    return this.#url && seekable.length ? seekable.end(seekable.length - 1) - currentTime : NaN;
  }

  /** Whether the viewer wants to be at the live end. */
  get following() { return this.#following; }

  /**
   * What a seek bar shows, in seconds: of a replay from its beginning, of a live broadcast from its
   * end (so from a negative `start` to 0). Null when not known, or when there is nothing to go back to.
   */
  get span() {
    const { currentTime, duration, paused } = this.#video;
    if (this.#replay) return Number.isFinite(duration) && duration > 0 ? { start: 0, end: duration, now: currentTime } : null;
    if (!this.#older || !globalThis.Hls?.isSupported()) return null;
    const end = this.#liveEnd();
    const start = -reach(end, this.#older.since, this.#older.window);
    if (!(start < -LIVE_REACH)) return null;
    const date = (this.#hls?.playingDate ?? NaN) / 1000 || this.#position || end;
    const now = this.#following && !paused ? 0 : Math.max(start, Math.min(0, date - end));
    return { start, end: 0, now };
  }

  /** Goes to a position of the span. */
  seek(position) {
    if (this.#replay) {
      this.#video.currentTime = position;
      return;
    }
    if (isLive(-position)) return this.goLive();
    const date = this.#liveEnd() + position;
    this.#following = false;
    this.#position = date;
    const details = this.#hls?.latestLevelDetails;
    const place = placeOf(details, date);
    if (this.#rewound && -position < LIVE_REACH || !this.#rewound && !(place >= 0)) this.#switch(!this.#rewound);
    else this.#video.currentTime = place >= 0 ? place : firstPlace(details);
  }

  /** Plays after a pause: at the live end if the viewer was there. */
  resume() {
    if (this.#following) return this.goLive();
    const start = this.#hls?.latestLevelDetails?.fragmentStart ?? 0;
    if (!this.#replay && this.#hls && this.buffer === 0 && this.#video.currentTime < start) return this.seek(this.#position - this.#liveEnd());
    this.play();
  }

  /** Seconds behind the position at which a live viewer should be. */
  get behind() {
    if (!this.#following) return 0;
    const edge = this.#livePosition();
    return Number.isFinite(edge) ? edge - this.#video.currentTime : 0;
  }

  /** Bits per second of the newest media; NaN when not known. */
  get bitrate() {
    const time = this.#samples.reduce((sum, s) => sum + s.duration, 0);
    return time >= 1 ? (8 * this.#samples.reduce((sum, s) => sum + s.bytes, 0)) / time : NaN;
  }

  /** Seconds that can be played without loading more. */
  get buffer() {
    const { buffered, currentTime } = this.#video;
    for (let i = 0; i < buffered.length; i += 1) {
      if (buffered.start(i) <= currentTime + 0.1 && currentTime < buffered.end(i)) return buffered.end(i) - currentTime;
    }
    return 0;
  }

  /** Plays faster while a live viewer is behind. */
  #catchUp() {
    const live = this.#hls && !this.#preview && !this.#replay && !this.#rewound && this.#following;
    const rate = live ? catchUpRate(this.behind, this.buffer, this.#hls.targetLatency) : 1;
    if (this.#video.playbackRate !== rate) this.#video.playbackRate = rate;
  }

  /** Jumps to the live edge and plays; a replay has none. */
  goLive() {
    if (this.#replay) return;
    this.#following = true;
    if (this.#rewound) return this.#switch(false);
    this.#forgetStalls();
    const edge = this.#livePosition();
    if (Number.isFinite(edge) && edge > this.#video.currentTime) this.#video.currentTime = edge;
    this.play();
  }

  /** Plays; a browser that refuses sound without a gesture gets silence first. */
  async play() {
    try {
      await this.#video.play();
    } catch (error) {
      if (error.name === 'NotAllowedError' && !this.#video.muted) {
        this.#video.muted = true;
        await this.#video.play().catch(() => {});
      }
    }
  }

  #livePosition() {
    if (this.#replay) return NaN;
    if (this.#hls) return this.#hls.liveSyncPosition ?? NaN;
    const { seekable } = this.#video;
    return seekable.length ? seekable.end(seekable.length - 1) - 2 : NaN;
  }

  /** Seconds from the position to the end of what is loaded, gaps included: hls.js jumps over these. */
  get #ahead() {
    const { buffered, currentTime } = this.#video;
    return buffered.length ? buffered.end(buffered.length - 1) - currentTime : 0;
  }

  /** Seconds of media in the playlist after the position. */
  get #listed() {
    return (this.#hls?.latestLevelDetails?.edge ?? NaN) - this.#video.currentTime;
  }

  #liveEnd() {
    const end = liveEnd(this.#hls?.latestLevelDetails);
    if (Number.isFinite(end)) this.#end = end;
    return this.#end;
  }

  // After each stall hls.js stays up to a second further behind.
  #forgetStalls() {
    this.#stalledAt = NaN;
    const details = this.#hls?.latestLevelDetails;
    if (!this.#rewound && !this.#replay && details) this.#hls.targetLatency = details.partHoldBack || details.holdBack || this.#hls.targetLatency;
  }

  #note() {
    if (this.#replay) this.#position = this.#video.currentTime;
    else if (!this.#following && this.#hls?.playingDate) this.#position = this.#hls.playingDate / 1000;
  }

  /** Loads the playlist of older media, or the live one. */
  #switch(rewound) {
    this.#rewound = rewound;
    this.retry();
  }

  #attach() {
    this.#samples = [];
    this.#progress = { time: -1, at: performance.now(), nudged: false };
    this.#lost = false;
    this.#settled = false;
    this.#stalledAt = NaN;
    this.#set('loading');
    if (engine() === 'native') {
      this.#video.src = this.#url;
      if (this.#position > 0) this.#video.currentTime = this.#position; // the position at which a media element without metadata begins
      this.play();
      return;
    }
    const { Hls } = globalThis;
    const hls = new Hls({ enableWorker: true, ...this.#settings() });
    this.#hls = hls;
    hls.on(Hls.Events.MANIFEST_PARSED, () => this.play());
    hls.on(Hls.Events.FRAG_LOADED, (_, data) => this.#measure(data));
    hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal && hls === this.#hls) this.#fail(hlsErrorKind(Hls, data)); });
    const address = this.quality.address(this.#rewound ? this.#older.url : this.#url);
    this.quality.attach(hls);
    followNetwork(hls);
    hls.loadSource(address);
    if (this.#replay || this.#following) return hls.attachMedia(this.#video);
    // The position of a date is known only with the playlist. Until the element is attached, nothing else is loaded.
    hls.once(Hls.Events.LEVEL_UPDATED, (_, { details }) => {
      const place = placeOf(details, this.#position);
      hls.startLoad(place >= 0 ? place : firstPlace(details));
      hls.attachMedia(this.#video);
    });
  }

  #settings() {
    if (this.#replay) return { ...SETTINGS.replay, startPosition: this.#position };
    if (this.#rewound) return SETTINGS.rewound;
    return this.#preview ? { ...SETTINGS.preview, lowLatencyMode: this.#lowLatency } : SETTINGS.player;
  }

  #detach() {
    clearTimeout(this.#retryTimer);
    if (this.#hls) {
      const hls = this.#hls;
      this.#hls = null;
      this.quality.detach();
      hls.destroy();
    } else if (this.#video.hasAttribute('src')) {
      this.#video.removeAttribute('src');
      this.#video.load();
    }
  }

  #moving() {
    if (!this.#url || this.#video.paused || this.#video.readyState < 3) return;
    this.#recovery.healthy();
    this.#failedAt = NaN;
    this.#set('playing');
    // After an outage playback jumps to the live edge: a delay is not wanted.
    if (this.#lost) {
      this.#forgetStalls();
      if (this.behind > CATCH_UP) this.goLive();
    }
    this.#lost = false;
  }

  #fail(kind) {
    clearTimeout(this.#retryTimer);
    const { action, delay } = this.#recovery.decide(this.#hls || kind !== 'network' ? kind : 'other');
    this.#lost = true;
    if (action === 'recoverMedia' && this.#hls) {
      const playing = !this.#video.paused;
      this.#hls.recoverMediaError(); // which pauses
      if (playing) void this.#video.play().catch(() => {}); // another source came first
      return;
    }
    this.retryAt = performance.now() + delay;
    // Buffered media continues to play while a connection is resumed.
    if (action !== 'startLoad' || this.buffer < 0.5) {
      if (!Number.isFinite(this.#failedAt)) this.#failedAt = performance.now();
      this.#set('failed');
    }
    this.#retryTimer = setTimeout(() => {
      if (action === 'startLoad' && this.#hls) this.#hls.startLoad();
      else this.retry();
    }, delay);
  }

  #measure({ frag, part }) {
    if (frag.type !== 'main') return;
    this.#loadedAt = performance.now();
    // Not the payload's length: the payload was transferred to the worker.
    const { duration, stats } = part ?? frag;
    this.#samples.push({ duration, bytes: stats.loaded });
    let span = this.#samples.reduce((sum, s) => sum + s.duration, 0);
    while (span - this.#samples[0].duration > BITRATE_SPAN) span -= this.#samples.shift().duration;
  }

  #set(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }
}

function hlsErrorKind(Hls, { type, details }) {
  if (details === Hls.ErrorDetails.MANIFEST_LOAD_ERROR || details === Hls.ErrorDetails.MANIFEST_LOAD_TIMEOUT || details === Hls.ErrorDetails.MANIFEST_PARSING_ERROR) return 'manifest';
  if (type === Hls.ErrorTypes.NETWORK_ERROR) return 'network';
  return type === Hls.ErrorTypes.MEDIA_ERROR ? 'media' : 'other';
}

function nativeErrorKind(error) {
  return error?.code === MediaError.MEDIA_ERR_NETWORK ? 'network' : 'other';
}
