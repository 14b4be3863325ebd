// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';
import { isPlayable, isPlayedOut, isReachable, isReplayOver, label, statusOf } from '../src/status.ts';

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
  assert.match(s.toast, /Waiting for the broadcaster to reconnect/);
  assert.match(given({ state: 'reconnecting' }, 'loading').cover.title, /connection dropped/);
});

test('the end of a broadcast is played by a player that was recovering', () => {
  const over = (playback, stillFor, b = ended) => isPlayedOut(b, playback, stillFor);
  for (const playback of ['loading', 'buffering', 'failed']) {
    assert.equal(over(playback, 2000), false, playback);
    assert.equal(over(playback, 11_000), true, playback);
  }
  assert.equal(over('playing', 11_000), false);
  assert.equal(over('finished', 0), true);
  assert.equal(over('finished', 11_000, { state: 'live' }), false);
});

test('an ended broadcast is played out before it is covered', () => {
  assert.equal(given({ state: 'ended' }, 'playing').cover, null);
  assert.match(given({ state: 'ended' }, 'finished').cover.title, /has ended/);
  assert.match(given(null, 'finished').cover.title, /has ended/);
});

test('the replay is offered after the end, once there is one', () => {
  const replay = '/live/show/replay-x.m3u8';
  assert.equal(given({ state: 'ended', replay }, 'idle').replay, true);
  assert.equal(given({ state: 'ended', replay }, 'finished').replay, true);
  assert.equal(given({ state: 'ended', replay: null }, 'finished').replay, false);
  assert.equal(given({ state: 'ended', replay }, 'playing').replay, false, 'while the rest is played out');
  assert.equal(given(null, 'idle').replay, false);
});

const ended = { state: 'ended', replay: '/live/show/replay-x.m3u8' };
const replayed = (broadcast, playback, more = {}) => given(broadcast, playback, { replaying: true, ...more });

test('a replay is no live picture, whatever it does', () => {
  for (const playback of ['loading', 'playing', 'buffering', 'finished']) {
    const s = replayed(ended, playback);
    assert.equal(s.state, 'replay', playback);
    assert.equal(s.cover, null, playback);
    assert.equal(s.toast, '', playback);
    assert.equal(s.live, false, playback);
    assert.equal(s.busy, playback === 'loading' || playback === 'buffering', playback);
  }
});

test('a broadcast that is live again is offered beside its replay', () => {
  for (const state of ['live', 'reconnecting']) {
    const s = replayed({ state, replay: null }, 'playing');
    assert.equal(s.state, 'replay');
    assert.equal(s.cover, null);
    assert.match(s.toast, /live again/);
    assert.equal(s.live, true);
  }
  assert.equal(replayed({ state: 'starting', replay: null }, 'playing').live, false, 'there is no picture yet');
  assert.equal(replayed(live, 'playing', { reachable: false }).live, false);
});

test('a replay whose connection was lost says so', () => {
  const s = replayed(ended, 'failed', { retryIn: 3400 });
  assert.match(s.cover.detail, /in 4 s/);
  assert.equal(s.retry, true);
  assert.match(replayed(ended, 'playing', { reachable: false }).toast, /not responding/);
  assert.match(replayed(ended, 'unsupported').cover.title, /cannot play/);
});

test('a replay makes way for what is live only when it plays no more', () => {
  for (const playback of ['loading', 'playing', 'buffering']) assert.equal(isReplayOver(live, playback), false, playback);
  assert.equal(isReplayOver(live, 'finished'), true);
  assert.equal(isReplayOver(ended, 'finished'), false, 'its last picture stays');
  assert.equal(isReplayOver({ state: 'starting' }, 'finished'), false);
});

test('a replay that is not kept any more is left', () => {
  assert.equal(isReplayOver(null, 'failed'), true);
  assert.equal(isReplayOver({ state: 'ended', replay: null }, 'failed'), true);
  assert.equal(isReplayOver(live, 'failed'), true);
  assert.equal(isReplayOver(ended, 'failed'), false, 'it is tried again');
  assert.equal(isReplayOver(null, 'playing'), false, 'what plays is left alone');
});

test('there is a picture while live, and while the broadcaster is waited for', () => {
  assert.deepEqual(['starting', 'live', 'reconnecting', 'ended'].filter((state) => isPlayable({ state })), ['live', 'reconnecting']);
  assert.equal(isPlayable(null), false);
});

test('a lost connection counts down and offers a button', () => {
  const s = given(live, 'failed', { retryIn: 3400 });
  assert.equal(s.state, 'offline');
  assert.match(s.cover.detail, /in 4 s/);
  assert.equal(s.retry, true);
});

test('a server that does not respond is named, over the picture while there is one', () => {
  assert.match(given(undefined, 'idle', { reachable: false }).cover.title, /cannot be reached/);
  assert.match(given(live, 'failed', { reachable: false }).cover.title, /cannot be reached/);
  const s = given(live, 'playing', { reachable: false });
  assert.equal(s.cover, null);
  assert.match(s.toast, /not responding/);
});

test('the cover says that a browser without HLS cannot play', () => {
  assert.match(given(live, 'unsupported').cover.title, /cannot play/);
});

test('the spinner turns only while data is missing', () => {
  assert.equal(given(live, 'buffering').busy, true);
  assert.equal(given(live, 'loading').busy, true);
  assert.equal(given(null, 'idle').busy, false);
});

test('every state has a label', () => {
  for (const state of ['live', 'reconnecting', 'starting', 'ended', 'waiting', 'replay', 'offline', 'error']) {
    assert.notEqual(label(state), state);
  }
});

test('a short failure is no outage while the server says that the broadcast is live', () => {
  for (const state of ['live', 'reconnecting']) {
    const s = given({ state }, 'failed', { failingFor: 900, retryIn: 500 });
    assert.equal(s.state, state);
    assert.equal(s.cover, null, 'the picture is not covered');
    assert.equal(s.busy, true);
  }
  assert.equal(given(live, 'failed', { failingFor: 6000 }).state, 'offline', 'one that lasts is');
  assert.equal(given(live, 'failed', { failingFor: 900, reachable: false }).state, 'offline', 'and one of the server');
  assert.equal(given({ state: 'ended' }, 'failed', { failingFor: 900 }).state, 'ended');
  assert.equal(given(null, 'failed', { failingFor: 900 }).state, 'waiting');
  assert.match(replayed(ended, 'failed', { failingFor: 900 }).cover.title, /connection was lost/);
});

test('a server is out of reach when it has been silent for a while', () => {
  assert.equal(isReachable(null, Infinity), true);
  assert.equal(isReachable(new Error('lost'), 2100), true, 'one request was lost');
  assert.equal(isReachable(new Error('lost'), 5000), false);
  assert.equal(isReachable(new Error('lost'), Infinity), false, 'it has never answered');
});
