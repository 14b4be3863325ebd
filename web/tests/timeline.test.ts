// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';
import { firstPlace, isLive, liveEnd, placeOf, reach } from '../src/timeline.ts';

// Four segments of 2 s from 1000 s on, the second after a hole of 10 s, and two parts after them.
const details = {
  edge: 108.5, age: 0.25,
  fragments: [
    { start: 100, programDateTime: 1_000_000 },
    { start: 102, programDateTime: 1_012_000 },
    { start: 104, programDateTime: 1_014_000 },
    { start: 106, programDateTime: 1_016_000 },
  ],
};

test('the live end is the end of the newest part, and moves on until the next', () => {
  assert.equal(liveEnd(details), 1018.75);
  for (const none of [undefined, { fragments: [], edge: 0, age: 0 }, { fragments: [{ start: 0, programDateTime: null }], edge: 2, age: 0 }]) {
    assert.ok(Number.isNaN(liveEnd(none)));
  }
});

test('a date is found in its segment', () => {
  assert.equal(placeOf(details, 1014.5), 104.5);
  assert.equal(placeOf(details, 1012), 102);
  assert.equal(placeOf(details, 1018.25), 108.25);
  assert.equal(placeOf(details, 1025), 108.5);
});

test('what the playlist is about to drop is not found', () => {
  assert.ok(Number.isNaN(placeOf(details, 1001)));
  assert.ok(Number.isNaN(placeOf(details, 900)));
  assert.ok(Number.isNaN(placeOf(undefined, 900)));
  assert.equal(firstPlace(details), 102);
  assert.equal(firstPlace({ fragments: [{ start: 7 }] }), 7);
  assert.equal(firstPlace(undefined), 0);
});

test('a viewer can go back as far as the broadcast and the window go', () => {
  assert.equal(reach(1100, 1080, 30), 20);
  assert.equal(reach(1100, 1000, 30), 30);
  assert.equal(reach(1100, 1200, 30), 0);
  assert.equal(reach(NaN, 1000, 30), 0);
  assert.ok(isLive(0) && isLive(2.9) && !isLive(5));
});
