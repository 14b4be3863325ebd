import assert from 'node:assert/strict';
import test from 'node:test';
import { label, statusOf } from '../assets/js/status.js';

const given = (broadcast, playback, more = {}) => statusOf({ broadcast, playback, reachable: true, ...more });
const live = { state: 'live' };

test('a picture that plays is not covered', () => {
  const s = given(live, 'playing');
  assert.equal(s.state, 'live');
  assert.equal(s.cover, null);
  assert.equal(s.toast, '');
  assert.equal(s.busy, false);
});

test('a broadcast that is not there yet is waited for', () => {
  const s = given(null, 'idle');
  assert.equal(s.state, 'waiting');
  assert.match(s.cover.title, /Not live yet/);
});

test('a broadcast that begins says so', () => {
  assert.equal(given({ state: 'starting' }, 'idle').state, 'starting');
});

test('a reconnecting broadcaster does not hide the buffered picture', () => {
  const s = given({ state: 'reconnecting' }, 'playing');
  assert.equal(s.cover, null);
  assert.match(s.toast, /Waiting for it to come back/);
  assert.match(given({ state: 'reconnecting' }, 'loading').cover.title, /connection dropped/);
});

test('an ended broadcast is played out before it is covered', () => {
  assert.equal(given({ state: 'ended' }, 'playing').cover, null);
  assert.match(given({ state: 'ended' }, 'finished').cover.title, /has ended/);
  assert.match(given(null, 'finished').cover.title, /has ended/);
});

test('a lost connection counts down and offers a button', () => {
  const s = given(live, 'failed', { retryIn: 3400 });
  assert.equal(s.state, 'offline');
  assert.match(s.cover.detail, /in 4 s/);
  assert.equal(s.retry, true);
});

test('a server that does not answer is named, over the picture while there is one', () => {
  assert.match(given(undefined, 'idle', { reachable: false }).cover.title, /cannot be reached/);
  assert.match(given(live, 'failed', { reachable: false }).cover.title, /cannot be reached/);
  const s = given(live, 'playing', { reachable: false });
  assert.equal(s.cover, null);
  assert.match(s.toast, /does not answer/);
});

test('a browser without HLS is told plainly', () => {
  assert.match(given(live, 'unsupported').cover.title, /cannot play/);
});

test('the spinner turns for want of data only', () => {
  assert.equal(given(live, 'buffering').busy, true);
  assert.equal(given(live, 'loading').busy, true);
  assert.equal(given(null, 'idle').busy, false);
});

test('every state has a word', () => {
  for (const state of ['live', 'reconnecting', 'starting', 'ended', 'waiting', 'offline', 'error']) {
    assert.notEqual(label(state), state);
  }
});
