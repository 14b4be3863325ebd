// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';
import { Recovery } from '../src/recovery.ts';

test('a lost connection is resumed twice, then reloaded with a growing delay', () => {
  const r = new Recovery(() => 0);
  const steps = Array.from({ length: 7 }, () => r.decide('network'));
  assert.deepEqual(steps.map((s) => s.action), ['startLoad', 'startLoad', 'reload', 'reload', 'reload', 'reload', 'reload']);
  assert.deepEqual(steps.map((s) => s.delay), [500, 1000, 2000, 4000, 8000, 10000, 10000]);
});

test('a multivariant playlist that cannot be loaded is always loaded again', () => {
  assert.deepEqual(new Recovery(() => 0).decide('manifest'), { action: 'reload', delay: 500 });
});

test('a decoder is restarted once, and reloaded when that did not help', () => {
  let now = 0;
  const r = new Recovery(() => now);
  assert.deepEqual(r.decide('media'), { action: 'recoverMedia', delay: 0 });
  now = 3000;
  assert.equal(r.decide('media').action, 'reload');
  now = 60_000;
  assert.equal(r.decide('media').action, 'recoverMedia');
});

test('after the player has played again, recovery begins with its first step', () => {
  const r = new Recovery(() => 0);
  for (let i = 0; i < 5; i += 1) r.decide('network');
  r.healthy();
  assert.deepEqual(r.decide('network'), { action: 'startLoad', delay: 500 });
});
