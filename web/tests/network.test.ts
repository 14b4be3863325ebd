import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followNetwork } from '../src/network.ts';

/** What followNetwork uses of hls.js. */
class FakeHls {
  static Events = { FRAG_LOADED: 'loaded' };

  autoLevelEnabled = true;
  minAutoLevel = 0;
  levels = [{ maxBitrate: 100_000 }, { maxBitrate: 190_000 }, { maxBitrate: 300_000 }, { maxBitrate: 900_000 }];
  loadLevel = 3;
  nextAutoLevel = -1;
  bandwidthEstimate = 0;
  media: { paused: boolean } | null = { paused: false };
  mainForwardBufferInfo = { len: 0.5 };
  switches = 0;
  handler: (event: string, data: object) => void = () => {};

  on(_: string, handler: (event: string, data: object) => void) { this.handler = handler; }
  set currentLevel(level: number) {
    assert.equal(level, -1);
    this.switches += 1;
  }

  /** Loads parts of a fifth of a second and 10 kB, each in as many seconds, after the server had it for long. */
  async load(...all: number[]) {
    const { loadLevel: level } = this;
    for (const seconds of all) {
      const stats = { loading: { start: 0, first: 5000, end: 5000 + seconds * 1000 }, loaded: 10_000 };
      this.handler('', { frag: { type: 'main', level }, part: { duration: 0.2, stats } });
    }
    await new Promise((resolve) => { setTimeout(resolve, 1); });
  }
}

function followed(change: Partial<FakeHls> = {}) {
  const hls = Object.assign(new FakeHls(), change);
  followNetwork(hls);
  return hls;
}

test('two parts in a row that take too long make it switch at once, to what suits their rate', async () => {
  const hls = followed();
  await hls.load(0.1, 0.6, 0.25, 0.6, 0.1, 0.2);
  assert.equal(hls.switches, 0, 'they were not in a row');
  await hls.load(0.3, 0.31, 0.49);
  assert.deepEqual([hls.switches, hls.nextAutoLevel, Math.round(hls.bandwidthEstimate)], [1, 1, 200_000]);
});

test('on a network that is too slow for all it plays the lowest', async () => {
  const hls = followed();
  await hls.load(4, 4);
  assert.deepEqual([hls.switches, hls.nextAutoLevel, hls.bandwidthEstimate], [1, 0, 100_000]);
});

test('it switches only down, only in a hurry, and not against the viewer', async () => {
  for (const [name, change] of Object.entries<Partial<FakeHls>>({
    'the lowest': { loadLevel: 0 }, 'the lowest that is allowed': { loadLevel: 1, minAutoLevel: 1 },
    'a choice of the viewer': { autoLevelEnabled: false }, 'a level that suits': { loadLevel: 1 },
    'no media': { media: null }, 'a pause': { media: { paused: true } }, 'a long buffer': { mainForwardBufferInfo: { len: 5 } },
  })) {
    const hls = followed(change);
    await hls.load(0.4, 0.41, 0.4, 0.4);
    assert.equal(hls.switches, 0, name);
  }
  const late = followed();
  const done = late.load(0.5, 0.5);
  late.loadLevel = 1; // meanwhile
  await done;
  assert.equal(late.switches, 0);
});

test('segments and other media are left to hls.js', async () => {
  const hls = followed();
  const stats = { loading: { start: 0, first: 0, end: 9000 }, loaded: 10_000 };
  for (let i = 0; i < 4; i++) {
    hls.handler('', { frag: { type: 'main', level: 3, duration: 2, stats } });
    hls.handler('', { frag: { type: 'audio', level: 3 }, part: { duration: 0.2, stats } });
  }
  await hls.load();
  assert.equal(hls.switches, 0);
});
