import assert from 'node:assert/strict';
import test from 'node:test';
import { level } from '../src/capture.ts';
import { points } from '../src/chart.ts';
import { adaptWords, captureProblem } from '../src/words.ts';

test('a chart grows from the right, and its highest value is at the top', () => {
  const line = points([5, 10], 3);
  assert.deepEqual(line.map(([x]) => x), [60, 120]);
  assert.equal(line[1]?.[1], 2);
  assert.deepEqual(points([], 3), []);
  assert.ok(points([0, 0], 3).every(([, y]) => y === 40));
});

test('the meter shows silence as nothing and full scale as all', () => {
  assert.equal(level(0), 0);
  assert.equal(level(1e-9), 0);
  assert.equal(level(1), 1);
  assert.ok(level(0.01) > 0.6 && level(0.01) < 0.7);
});

test('a slow upload is told in words', () => {
  const detail = { videoBitrate: 5e5, frameRate: 30, width: 854, height: 480, why: 'upload-slow' as const };
  assert.equal(adaptWords(detail).title, 'Your upload is slow: 480p now');
  assert.match(adaptWords({ ...detail, frameRate: 15 }).title, /480p now, with 15 pictures a second/);
  assert.match(adaptWords({ ...detail, height: 720, why: 'upload-better' }).title, /recovered: 720p now/);
});

test('each reason for no picture has words of its own', () => {
  Object.assign(globalThis, { isSecureContext: true });
  const titles = ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'SecurityError', 'Other'].map((name) => captureProblem('camera', new DOMException('x', name)).title);
  assert.equal(new Set(titles).size, titles.length);
  assert.match(captureProblem('screen', new DOMException('x', 'NotAllowedError')).title, /screen was not shared/);
});
