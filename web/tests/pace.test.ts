// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';
import { catchUpRate } from '../src/pace.ts';

test('a viewer who is behind plays faster, the more the further behind', () => {
  assert.deepEqual([0, 0.05, 0.15, 0.3, 0.5, 2].map((behind) => catchUpRate(behind, 1, 0.8)), [1, 1, 1.05, 1.15, 1.2, 1.2]);
});

test('a viewer who has little in the buffer, or whose position is not known, plays on at real time', () => {
  assert.equal(catchUpRate(1, 0.3, 0.8), 1);
  assert.equal(catchUpRate(NaN, 1, 0.8), 1);
  assert.equal(catchUpRate(1, 1, NaN), 1);
});
