// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';
import { access } from '../src/access.ts';
import { embedURL, mediaPath, mediaURL, withToken } from '../src/address.ts';
import { statusOf } from '../src/status.ts';

const token = '~eyJ.eyJ.sig';
const told = { id: 'show', state: 'live', playlist: '/live/show/index.m3u8' };

// Requests with these answers by name; others are not expected.
function answering(statuses) {
  const asked = [];
  const head = async (name) => {
    asked.push(name);
    assert.ok(name in statuses, name);
    return statuses[name];
  };
  return { asked, head };
}

const resolve = async (statuses, more = {}) => {
  const { asked, head } = answering(statuses);
  return { ...await access({ id: 'show', token: '', told, doubtful: false, head, ...more }), asked };
};

test('the media of a broadcast is below its token', () => {
  const signed = withToken({ ...told, playlist_ts: '/video/live/show/ts.m3u8', replay: null, poster: '/live/show/poster.jpg?v=1', storyboard: '/live/show/storyboard-x.vtt', title: 'a/b' }, token);
  assert.equal(signed.playlist, `/live/show/${token}/index.m3u8`);
  assert.equal(signed.playlist_ts, `/video/live/show/${token}/ts.m3u8`);
  assert.equal(signed.poster, `/live/show/${token}/poster.jpg?v=1`);
  assert.equal(signed.storyboard, `/live/show/${token}/storyboard-x.vtt`);
  assert.equal(signed.replay, null);
  assert.equal(signed.title, 'a/b');
  assert.equal(mediaURL(signed.playlist_ts, 'https://a.test/x/'), `https://a.test/x/live/show/${token}/ts.m3u8`);
  assert.equal(mediaURL(mediaPath('show', token, 'index.m3u8'), 'https://a.test/'), `https://a.test/live/show/${token}/index.m3u8`);
  assert.equal(mediaURL(mediaPath('show', '', 'index.m3u8'), 'https://a.test/'), 'https://a.test/live/show/index.m3u8');
  assert.match(embedURL('show', token), /\/embed\/show\/~eyJ\.eyJ\.sig$/);
  assert.equal(withToken(told, ''), told);
  assert.equal(withToken(null, token), null);
});

test('a public broadcast costs no further request', async () => {
  assert.deepEqual(await resolve({}), { denied: false, broadcast: told, asked: [] });
});

test('a page without a token is told that it needs one', async () => {
  const { denied, asked } = await resolve({ 'index.m3u8': 403 }, { doubtful: true });
  assert.equal(denied, true);
  assert.deepEqual(asked, ['index.m3u8']);
});

test('a failure with another status than 403 is not taken for a refusal', async () => {
  for (const status of [0, 200, 404, 502, 503]) {
    assert.deepEqual(await resolve({ 'index.m3u8': status }, { doubtful: true }), { denied: false, broadcast: told, asked: ['index.m3u8'] });
  }
});

test('a broadcast that the API hides is played with a token', async () => {
  const { denied, broadcast } = await resolve({ 'index.m3u8': 200, 'replay.m3u8': 404 }, { told: null, token });
  assert.equal(denied, false);
  assert.equal(broadcast.state, 'live');
  assert.equal(broadcast.playlist, `live/show/${token}/index.m3u8`);
  assert.equal(broadcast.playlist_ts, `live/show/${token}/ts.m3u8`);
});

test('the replay of an ended broadcast that the API hides is played with a token', async () => {
  const { broadcast } = await resolve({ 'index.m3u8': 200, 'replay.m3u8': 200 }, { told: null, token });
  assert.equal(broadcast.state, 'ended');
  assert.equal(broadcast.replay, `live/show/${token}/replay.m3u8`);
});

test('a broadcast that has not begun is waited for', async () => {
  assert.deepEqual(await resolve({ 'index.m3u8': 404, 'replay.m3u8': 404 }, { told: null, token }), { denied: false, broadcast: null, asked: ['index.m3u8', 'replay.m3u8'] });
  assert.deepEqual(await resolve({ 'index.m3u8': 404 }, { told: null }), { denied: false, broadcast: null, asked: ['index.m3u8'] });
});

test('a page whose token is missing or has expired says so', () => {
  const given = (denied, playback, more = {}) => statusOf({ broadcast: told, reachable: true, denied, playback, ...more });
  assert.match(given('missing', 'failed', { failingFor: 100 }).cover.title, /not public/);
  assert.match(given('over', 'failed').cover.title, /not valid any more/);
  assert.match(given('over', 'idle', { replaying: true }).cover.detail, /expired/);
  assert.match(statusOf({ broadcast: null, reachable: true, denied: 'missing', playback: 'idle' }).cover.title, /not public/);
  assert.equal(given('over', 'playing').cover, null); // what was loaded is still played
  assert.equal(given(false, 'playing').state, 'live');
});
