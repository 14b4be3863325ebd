// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';
import * as format from '../src/format.ts';

test('a bit rate is rounded and has a unit', () => {
  for (const [value, want] of [[4_600_000, '4.6 Mbit/s'], [999_600, '1.0 Mbit/s'], [128_400, '128 kbit/s'], [0, ''], [NaN, ''], [-1, '']]) {
    assert.equal(format.bitrate(value), want, String(value));
  }
});

test('uptime never shows a negative time', () => {
  for (const [ms, want] of [[42_900, '0:42'], [727_000, '12:07'], [10_801_000, '3:00:01'], [-5, '0:00']]) {
    assert.equal(format.uptime(ms), want, String(ms));
  }
});

test('a position is shown with the duration, and not at all while that is unknown', () => {
  assert.equal(format.position(42.9, 727), '0:42 / 12:07');
  assert.equal(format.position(0, 10_801), '0:00 / 3:00:01');
  for (const duration of [NaN, Infinity, undefined]) assert.equal(format.position(1, duration), '', String(duration));
});

test('a time that has passed is given in words', () => {
  const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
  for (const [ms, want] of [
    [-5, 'just now'], [59_000, 'just now'], [minute, '1 minute ago'], [59.9 * minute, '59 minutes ago'],
    [hour, '1 hour ago'], [23.9 * hour, '23 hours ago'], [day, 'yesterday'], [3.5 * day, '3 days ago'], [NaN, ''],
  ]) assert.equal(format.ago(ms), want, String(ms));
});

test('a link to the replay asks for it, and a link to what is live does not', () => {
  const page = 'https://a.test/watch/show';
  for (const [href, replaying, want] of [
    [page, true, `${page}?replay`], [page, false, page],
    [`${page}?replay=1`, false, page], [`${page}?replay=1`, true, `${page}?replay`],
    [`${page}?lang=de&replay`, true, `${page}?lang=de&replay`], [`${page}?lang=de`, true, `${page}?lang=de&replay`],
  ]) {
    const link = format.shareLink(href, replaying);
    assert.equal(link, want, href);
    assert.equal(format.asksForReplay(link), replaying, link);
  }
  assert.ok(format.asksForReplay(`${page}?replay=0`), 'any value asks');
});

test('resolution, seconds and frame rate are empty when not known', () => {
  assert.equal(format.resolution(1280, 720), '1280 × 720');
  assert.equal(format.resolution(0, 0), '');
  assert.equal(format.seconds(1.26), '1.3 s');
  assert.equal(format.seconds(NaN), '');
  assert.equal(format.frameRate(30000 / 1001), '29.97');
  assert.equal(format.frameRate(undefined), '');
});

test('the main rendition is the source, else the largest', () => {
  const source = { name: 'source', height: 480 };
  assert.equal(format.mainRendition({ renditions: [{ name: '720p', height: 720 }, source] }), source);
  assert.equal(format.mainRendition({ renditions: [{ name: 'a', height: 240 }, { name: 'b', height: 720 }] }).name, 'b');
  assert.equal(format.mainRendition({ renditions: [] }), undefined);
  assert.equal(format.mainRendition(null), undefined);
});

test('the summary names what is known and cuts the encoder short', () => {
  const plain = (text) => text.replaceAll('\u00a0', ' ');
  assert.equal(
    plain(format.summary({ encoder: 'obs-output (libobs version 29.0.2)', renditions: [{ name: 'source', width: 1280, height: 720, frame_rate: 30, average_bandwidth: 4_600_000 }] })),
    '1280 × 720 · 30 fps · 4.6 Mbit/s · obs-output',
  );
  assert.equal(format.summary({ encoder: 'FMLE/3.0 (compatible; Lavf59.27.100)' }), 'Lavf59.27.100');
  assert.equal(format.summary({ encoder: null }), '');
  assert.equal(plain(format.summary({ renditions: [{ name: 'source', frame_rate: 30, bandwidth: 128_000 }] })), 'Audio only · 128 kbit/s');
  assert.equal(format.summary({}), '');
  assert.equal(plain(format.summary({ viewers: 1 })), '1 watching');
  assert.equal(plain(format.summary({ viewers: 12_345, encoder: 'Lavf' })), '12,345 watching · Lavf');
  assert.equal(format.summary({ viewers: 0 }), '');
});

test('the hash is stable and within its range', () => {
  for (const text of ['', 'demo', 'ünïcode', 'x'.repeat(64)]) {
    const h = format.hash(text, 6);
    assert.ok(Number.isInteger(h) && h >= 0 && h < 6, text);
    assert.equal(h, format.hash(text, 6));
  }
});

test('warnings say since when they hold, the newest first', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  const list = [
    { code: 'old', text: 'Old.', since: '2026-01-02T02:59:00Z' },
    { code: 'new', text: 'New.', since: '2026-01-02T03:04:00Z' },
    { code: 'odd', text: 'Odd.' },
  ];
  assert.deepEqual(format.warnings(list, now), [
    { code: 'new', text: 'New.', since: 'just now' },
    { code: 'old', text: 'Old.', since: '5 minutes ago' },
    { code: 'odd', text: 'Odd.', since: '' },
  ]);
  assert.equal(list[0].code, 'old', 'the list of the API is not changed');
});

test('the time behind the live end is negative, and empty at the live end', () => {
  assert.equal(format.behindLive(-20.2), '−0:20');
  assert.equal(format.behindLive(-3599), '−59:59');
  assert.equal(format.behindLive(-0.4), '');
  assert.equal(format.behindLive(0), '');
});
