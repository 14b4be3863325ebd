// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';

// A video whose position does not change, and as much of hls.js as Source.watch() needs.
class Video extends EventTarget {
  currentTime = 17.3;
  paused = false;
  readyState = 4;
  buffered = { length: 1, start: () => 10.8, end: () => 17.35 };
  seekable = { length: 0 };
  hasAttribute() { return false; }
  play() { return Promise.resolve(); }
}

const players = [];

class Hls {
  static Events = { MANIFEST_PARSED: 'm', FRAG_LOADED: 'f', ERROR: 'e', LEVEL_UPDATED: 'l', LEVELS_UPDATED: 'u', LEVEL_SWITCHED: 's' };
  static isSupported() { return true; }
  latestLevelDetails = { edge: 17.48, partHoldBack: 0.65 };
  liveSyncPosition = 16;
  #target = 2.65; // a stall has added two seconds

  constructor() { players.push(this); }
  set targetLatency(seconds) { this.#target = seconds; }
  get targetLatency() { return this.#target; }
  advance(edge) {
    this.latestLevelDetails.edge = edge;
    Object.defineProperty(this, 'liveSyncPosition', { configurable: true, get: () => edge - this.#target });
  }

  on() {}
  off() {}
  once() {}
  loadSource() {}
  attachMedia() {}
  destroy() {}
}

globalThis.document = Object.assign(new EventTarget(), { hidden: false });
globalThis.Hls = Hls;
const { Source } = await import('../src/source.ts');

// Calls watch() twice a second, unless before() returns true. Returns when and where it moves the position.
function watch(t, seconds, before = () => {}) {
  players.length = 0;
  let now = 1000;
  t.mock.method(performance, 'now', () => now);
  const video = new Video();
  const source = new Source(video);
  source.load('/live/show/index.m3u8');
  video.dispatchEvent(new Event('playing'));
  const seen = [];
  for (let i = 0; i <= 2 * seconds; i += 1, now += 500) {
    const interrupted = before({ source, video, hls: players[0], second: i / 2 });
    const at = video.currentTime;
    if (!interrupted) source.watch();
    if (video.currentTime !== at) seen.push({ second: i / 2, position: video.currentTime });
  }
  source.unload();
  return seen;
}

test('when media is listed that hls.js does not load, the position moves to the live end', (t) => {
  const seen = watch(t, 4, ({ hls, second }) => hls.advance(18 + second));
  assert.equal(seen.length, 1);
  assert.ok(seen[0].second <= 2.5, `after ${seen[0].second} s`);
  assert.ok(Math.abs(seen[0].position - (18 + seen[0].second - 0.65)) < 0.01, `to ${seen[0].position}`);
});

test('when nothing more is listed, the position stays', (t) => {
  assert.deepEqual(watch(t, 4), []);
});

test('the time without a broadcaster is no stall', (t) => {
  const failed = [];
  const seen = watch(t, 6, ({ source, hls, second }) => {
    if (source.state === 'failed') failed.push(second);
    if (second >= 1 && second < 3.5) {
      source.interrupted();
      return true;
    }
    if (second >= 3.5) hls.advance(18 + second);
    return false;
  });
  assert.deepEqual(failed, []);
});

test('the delay that a slow network adds is taken back when it has been good for a while', (t) => {
  // Ten seconds behind at the start, and again after a stall in the tenth second.
  const seen = watch(t, 60, ({ hls, video, second }) => {
    video.buffered.end = () => 30 + second;
    hls.advance(27.8 + second);
    if (second > 0 && second !== 10) video.currentTime += 0.5;
    if (second === 10) {
      video.currentTime -= 10;
      video.dispatchEvent(new Event('waiting'));
    }
    if (second === 10.5) video.dispatchEvent(new Event('playing'));
    return false;
  });
  assert.deepEqual(seen.map(({ second }) => second), [0, 40.5]);
});
