// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';
import { nameOf, playlistOf, Quality, qualitiesOf } from '../src/quality.ts';

const variant = (name, height, rate, peak) => ({
  url: `http://example.test/live/show/${name}/index.m3u8`, bitrate: peak, attrs: { 'FRAME-RATE': String(rate) },
  ...(height ? { width: Math.round((height * 16) / 9), height, videoCodec: 'avc1.64001f' } : {}),
});

test('qualities are listed from the best one, by the shorter side of the picture', () => {
  const list = qualitiesOf([
    variant('audio', 0, 0, 70e3), variant('360p', 360, 30, 900e3), variant('source', 1080, 60, 8e6), variant('720p', 720, 30, 3e6),
    { ...variant('tall', 480, 30, 1e6), width: 480, height: 852 },
  ]);
  assert.deepEqual(list.map(({ label }) => label), ['Source · 1080p60', '720p', '480p', '360p', 'Audio only']);
  assert.deepEqual(list.map(({ name }) => name), ['source', '720p', 'tall', '360p', 'audio']);
  assert.deepEqual(list.map(({ video }) => video), [true, true, true, true, false]);
  assert.equal(list[0].short, '1080p60');
});

test('the source comes before a rung of its size, and equal labels are told apart by bit rate', () => {
  const list = qualitiesOf([variant('a', 720, 30, 1.5e6), variant('b', 720, 30, 3e6), variant('source', 720, 30, 2e6)]);
  assert.deepEqual(list.map(({ label }) => label), ['Source · 720p', '720p · 3.0 Mbit/s', '720p · 1.5 Mbit/s']);
});

test('the playlist of a rendition is below the multivariant playlist', () => {
  assert.equal(playlistOf('http://h/live/show/index.m3u8', 'audio'), 'http://h/live/show/audio/index.m3u8');
  assert.equal(playlistOf('http://h/x/live/show/replay-AB.m3u8?t=1', 'audio'), 'http://h/x/live/show/audio/replay-AB.m3u8?t=1');
  assert.equal(nameOf('http://h/live/show/audio/index.m3u8?t=a/b'), 'audio');
});

/** What Quality uses of hls.js. */
class FakeHls {
  static Events = { MANIFEST_LOADED: 'loaded', MANIFEST_PARSED: 'parsed', LEVEL_LOADED: 'level', LEVEL_SWITCHED: 'switched', FRAG_BUFFERED: 'buffered', ERROR: 'error' };
  static next = []; // what the multivariant playlist lists
  static loads = 0;

  handlers = {};
  levels = [];
  manualLevel = -1;
  current = null;

  on(event, handler) { (this.handlers[event] ??= []).push(handler); }
  fire(event, data) { for (const handler of this.handlers[event] ?? []) handler(event, data); }
  loadSource() {
    FakeHls.loads += 1;
    const levels = FakeHls.next.filter(({ height }) => height).map((v) => ({ uri: v.url }));
    this.levels = levels;
    this.fire('parsed', { levels });
    this.fire('loaded', { levels: FakeHls.next });
  }
  removeLevel(index) { this.levels = this.levels.filter((_, i) => i !== index); }
  set loadLevel(level) { this.manualLevel = level; }
  set nextLevel(level) { this.manualLevel = level; }
  destroy() {}
}

function started(...variants) {
  FakeHls.next = variants;
  FakeHls.loads = 0;
  const quality = new Quality();
  const hls = new FakeHls();
  const address = quality.address('http://example.test/live/show/index.m3u8');
  quality.attach(hls);
  hls.loadSource(address);
  return { quality, hls };
}

const source = variant('source', 720, 30, 3e6);
const low = variant('low', 360, 30, 9e5);
const audio = variant('audio', 0, 0, 7e4);

test('a rendition that comes is added beside what plays, and one that goes is removed', () => {
  const { quality, hls } = started(source);
  const playing = hls.levels[0];
  quality.offer(['source']);
  assert.equal(FakeHls.loads, 1, 'nothing has changed, and it was loaded again');
  FakeHls.next = [source, low, audio];
  quality.offer(['audio', 'low', 'source']);
  quality.offer(['audio', 'low', 'source']);
  assert.equal(FakeHls.loads, 2);
  assert.deepEqual(hls.levels.map(({ uri }) => nameOf(uri)), ['source', 'low']);
  assert.equal(hls.levels[0], playing);
  assert.equal(quality.list.length, 3);
  FakeHls.next = [source];
  quality.offer(['source']);
  assert.deepEqual(hls.levels, [playing]);
  assert.equal(quality.list.length, 1);
});

test('segments that are loading get the new index of their level, or -1', () => {
  const { quality, hls } = started(low, source);
  const open = [{ level: 0 }, { level: 1 }];
  const complete = [{ level: 0 }, { level: 1 }];
  hls.levels.forEach((level, i) => { level.details = { fragments: [complete[i]], fragmentHint: open[i] }; });
  FakeHls.next = [source];
  quality.offer(['source']);
  assert.deepEqual([open, complete].map((list) => list.map(({ level }) => level)), [[-1, 0], [-1, 0]]);
});

test('a choice is kept while its rendition is away, and for what is loaded later', () => {
  const { quality, hls } = started(source, low);
  quality.choose('low');
  assert.equal(hls.manualLevel, 1);
  hls.manualLevel = -1; // as after an error
  FakeHls.next = [source];
  quality.offer(['source']);
  assert.equal(hls.manualLevel, -1);
  FakeHls.next = [source, low];
  quality.offer(['low', 'source']);
  assert.equal(hls.manualLevel, 1);

  const next = new FakeHls();
  quality.detach();
  quality.reset();
  quality.attach(next);
  next.loadSource();
  assert.equal(next.manualLevel, 1);
  quality.detach();
});

test('sound only is loaded by its own playlist', () => {
  const { quality } = started(source, audio);
  let reloads = 0;
  quality.addEventListener('reload', () => { reloads += 1; });
  quality.choose('audio');
  assert.equal(reloads, 1);
  const address = 'http://example.test/live/show/ts.m3u8';
  assert.equal(quality.address(address), 'http://example.test/live/show/audio/ts.m3u8');
  quality.choose('');
  assert.equal(reloads, 2);
  assert.equal(quality.address(address), address);
});

test('a playlist that was requested before the levels were replaced gets the index of now', () => {
  const { quality, hls } = started(low, source);
  const levelInfo = hls.levels[1];
  FakeHls.next = [source];
  quality.offer(['source']);
  levelInfo.details = { fragments: [{ level: 1 }], fragmentHint: { level: 1 } };
  hls.fire('level', { level: 1, levelInfo });
  assert.deepEqual([levelInfo.details.fragments[0].level, levelInfo.details.fragmentHint.level], [0, 0]);
});

test('media of another rendition over the segment that plays is played from its key frame', () => {
  const { hls } = started(low, source);
  const seeks = [];
  hls.media = { at: 13.9, get currentTime() { return this.at; }, set currentTime(at) { seeks.push(at); } };
  // An open segment has no address yet. Parts last half a second, segments 2 s.
  const buffered = (name, sn, part, open = true) => {
    const url = `http://example.test/live/show/${name}/${sn}.m4s`;
    hls.fire('buffered', {
      frag: { type: 'main', sn, start: 2 * sn, end: 2 * sn + 2, url: open ? '' : url },
      part: { end: 2 * sn + 0.5 * (part + 1), url: url.replace('.m4s', `.${part}.m4s`) },
    });
  };
  buffered('low', 6, 0); // the first media
  buffered('low', 6, 3);
  buffered('low', 6, 3, false); // the segment is complete
  buffered('low', 7, 0);
  hls.media.at = 14.6;
  buffered('source', 7, 0); // over the segment that plays, and not as far as that
  assert.deepEqual(seeks, []);
  buffered('source', 7, 1);
  buffered('source', 7, 2);
  buffered('source', 7, 3, false);
  assert.deepEqual(seeks, [14.6]);
  buffered('low', 8, 0); // after the position
  hls.media.at = 16.2;
  buffered('low', 8, 1);
  assert.deepEqual(seeks, [14.6]);
});
