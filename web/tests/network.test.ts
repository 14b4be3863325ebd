import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followNetwork } from '../src/network.ts';

/** What followNetwork uses of hls.js: three levels, of which the first two suit the bandwidth. */
class FakeHls {
  static Events = { FRAG_LOADED: 'loaded' };

  autoLevelEnabled = true;
  minAutoLevel = 0;
  nextAutoLevel = 1;
  bandwidthEstimate = 0;
  media: object | null = {};
  switches = 0;
  handler: (event: string, data: object) => void = () => {};

  on(_: string, handler: (event: string, data: object) => void) { this.handler = handler; }
  set currentLevel(level: number) {
    assert.equal(level, -1);
    this.switches += 1;
  }

  /** Loads parts of a fifth of a second and 10 kB, each in as many seconds, after the server had it for long. */
  async load(level: number, ...all: number[]) {
    for (const seconds of all) {
      const stats = { loading: { start: 0, first: 5000, end: 5000 + seconds * 1000 }, loaded: 10_000 };
      this.handler('', { frag: { type: 'main', level }, part: { duration: 0.2, stats } });
    }
    await new Promise((resolve) => { setTimeout(resolve, 1); });
  }
}

function followed() {
  const hls = new FakeHls();
  followNetwork(hls);
  return hls;
}

test('two parts in a row that take too long make it switch at once', async () => {
  const hls = followed();
  await hls.load(2, 0.1, 0.4, 0.25, 0.4, 0.1, 0.4);
  assert.equal(hls.switches, 0, 'they were not in a row');
  await hls.load(2, 0.4);
  assert.equal(hls.switches, 1);
  assert.equal(Math.round(hls.bandwidthEstimate), 200_000);
});

test('it switches only down, and not against the viewer', async () => {
  const slow = [0.4, 0.4, 0.4, 0.4];
  const lowest = followed();
  lowest.minAutoLevel = 1;
  await lowest.load(1, ...slow);
  const chosen = followed();
  chosen.autoLevelEnabled = false;
  await chosen.load(2, ...slow);
  const suits = followed();
  suits.nextAutoLevel = 2;
  await suits.load(2, ...slow);
  const gone = followed();
  gone.media = null;
  await gone.load(2, ...slow);
  assert.deepEqual([lowest, chosen, suits, gone].map(({ switches }) => switches), [0, 0, 0, 0]);
});

test('segments and other media are left to hls.js', async () => {
  const hls = followed();
  const stats = { loading: { start: 0, first: 0, end: 9000 }, loaded: 10_000 };
  for (let i = 0; i < 4; i++) {
    hls.handler('', { frag: { type: 'main', level: 2, duration: 2, stats } });
    hls.handler('', { frag: { type: 'audio', level: 2 }, part: { duration: 0.2, stats } });
  }
  await hls.load(2);
  assert.equal(hls.switches, 0);
});
