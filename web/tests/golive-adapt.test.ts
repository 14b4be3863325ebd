import assert from 'node:assert/strict';
import test from 'node:test';
import { Adaptation, pictureFor, type Quality } from '../src/golive/adapt.ts';
import { MediaClock, SoundClock } from '../src/golive/clock.ts';
import { AckMeter } from '../src/golive/socket.ts';

const best: Quality = { videoBitrate: 2_500_000, frameRate: 30, width: 1280, height: 720 };
const audio = 128_000;

/** Simulates an upload of `rate(now)` bits per second, and returns the state after each decision. */
function simulate(seconds: number, rate: (ms: number) => number) {
  const adaptation = new Adaptation(best);
  const meter = new AckMeter();
  const queue: { timestamp: number; bits: number }[] = []; // on the way
  const seen: { now: number; delay: number; quality: Quality; skip: boolean }[] = [];
  let skip = false;
  let sendable = 0;
  for (let now = 0; now < seconds * 1_000; now += 20) {
    const bits = ((skip ? 0 : adaptation.quality.videoBitrate) + audio) * 0.02;
    queue.push({ timestamp: now, bits });
    meter.sent(now, bits / 8, now);
    sendable += rate(now) * 0.02;
    let acked = -1;
    while (queue[0] && queue[0].bits <= sendable) {
      sendable -= queue[0].bits;
      acked = queue.shift()!.timestamp;
    }
    if (queue.length === 0) sendable = 0;
    if (acked >= 0) meter.acked(acked, now);
    if (now % 100 === 0) {
      const decision = adaptation.decide({ now, delay: meter.delay(now), buffered: 0, throughput: meter.throughput(now) });
      skip = decision.skip;
      seen.push({ now, delay: meter.delay(now), quality: decision.quality, skip });
    }
  }
  return seen;
}

test('a good upload changes nothing', () => {
  for (const { quality, skip } of simulate(60, () => 5_000_000)) {
    assert.deepEqual(quality, best);
    assert.equal(skip, false);
  }
});

test('an upload of 600 kbit/s is met within 3 seconds, and the delay does not grow', () => {
  const seen = simulate(60, (now) => (now < 10_000 ? 10_000_000 : 600_000));
  const after = seen.find(({ now }) => now >= 13_000)!;
  assert.ok(after.quality.videoBitrate + audio <= 600_000, JSON.stringify(after));
  const later = seen.filter(({ now }) => now >= 20_000);
  assert.ok(Math.max(...seen.map(({ delay }) => delay)) < 3_500, 'the delay is bounded');
  assert.ok(Math.max(...later.map(({ delay }) => delay)) < 1_500, `later ${Math.max(...later.map(({ delay }) => delay))}`);
  assert.ok(Math.min(...seen.map(({ quality }) => quality.videoBitrate)) > 200_000, 'it is not lowered for what was sent before');
  assert.ok(later.filter(({ skip }) => skip).length < later.length / 20, 'pictures are seldom left out');
});

test('the quality recovers slowly after a slow upload, and entirely', () => {
  const seen = simulate(180, (now) => (now > 10_000 && now < 20_000 ? 700_000 : 10_000_000));
  const at = (now: number): Quality => seen.find((s) => s.now >= now)!.quality;
  assert.ok(at(24_000).videoBitrate < best.videoBitrate / 2);
  assert.deepEqual(at(179_000), best);
});

test('fewer bits mean fewer pictures first, and then smaller ones', () => {
  assert.deepEqual(pictureFor(2_000_000, best), { ...best, videoBitrate: 2_000_000 });
  assert.deepEqual(pictureFor(800_000, best), { ...best, videoBitrate: 800_000, frameRate: 15 });
  const small = pictureFor(560_000, best);
  assert.deepEqual([small.height, small.frameRate], [480, 30]);
  assert.deepEqual([small.width % 2, small.height % 2], [0, 0]);
  assert.ok(pictureFor(120_000, best).height <= 360);
});

test('a portrait picture stays upright', () => {
  const tall = { ...best, width: 720, height: 1280 };
  const small = pictureFor(400_000, tall);
  assert.ok(small.height > small.width && small.width <= 480);
});

test('clocks are joined at the first frame and then follow drift', () => {
  const clock = new MediaClock();
  clock.observe(5_000_000, 100);
  assert.equal(clock.at(5_000_000), 100);
  assert.equal(clock.at(5_000_040), 140);
  // The microphone is 100 ppm slow: after an hour that would be 360 ms.
  let last = -1;
  let now = 0;
  const slow = new MediaClock();
  for (let i = 0; i < 168_750; i++) {
    now = i * 21.3355; // of 21.3333
    slow.observe(i * 21.3333, now + (i % 7)); // jitter
    const at = slow.at(i * 21.3333);
    assert.ok(at > last);
    last = at;
  }
  assert.ok(Math.abs(last - now) < 40, `${last - now}`);
});

test('a clock that was joined late is corrected with the next frame that is not', () => {
  const clock = new MediaClock();
  for (let t = 0; t < 165; t += 33) clock.observe(t, t + 300); // the first frames were late
  clock.observe(165, 175);
  assert.equal(clock.at(165), 175);
  for (let t = 198; t < 8_000; t += 33) {
    clock.observe(t, t + 10 + (t % 5));
    assert.equal(clock.at(t), t + 10);
  }
});

test('a clock whose source becomes late is corrected within seconds', () => {
  const clock = new MediaClock();
  for (let t = 0; t < 3_000; t += 33) clock.observe(t, t);
  for (let t = 3_003; t < 15_000; t += 33) clock.observe(t, t + 300);
  assert.ok(Math.abs(clock.at(15_000) - 15_300) < 20, `${clock.at(15_000)}`);
});

test('a gap is corrected at once', () => {
  const clock = new MediaClock();
  for (let t = 0; t < 5_000; t += 20) clock.observe(t, t);
  for (let t = 5_000; t < 8_000; t += 20) clock.observe(t, t + 10_000); // it stood still
  assert.ok(Math.abs(clock.at(8_000) - 18_000) < 20);
});

test('sound is as long as its samples, and the picture follows its clock', () => {
  const clock = new SoundClock();
  const length = 1024 / 48;
  for (let i = 0; i < 5_000; i++) {
    clock.observe(i * length, 200 * Math.exp(-i) + i * length * 1.001 + (i % 5)); // it began 200 ms late, and is slow
    assert.ok(Math.abs(clock.at(i * length) - clock.at(0) - i * length) < 1e-6);
  }
  const now = 5_000 * length * 1.001;
  assert.ok(Math.abs(now - clock.drift - clock.at(5_000 * length)) < 40, `${now - clock.drift - clock.at(5_000 * length)}`);
});

test('the clock of sound that stood still is joined again', () => {
  const clock = new SoundClock();
  for (let t = 0; t < 5_000; t += 20) clock.observe(t, t);
  for (let t = 5_000; t < 10_000; t += 20) clock.observe(t, t + 10_000);
  assert.ok(Math.abs(clock.at(10_000) - 20_000) < 20);
  assert.ok(Math.abs(clock.drift) < 20);
});
