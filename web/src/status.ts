// @ts-nocheck
// The status to show, derived from all states. It has no side effects.

// For how long a player that fails is not shown as an outage while the server reports the
// broadcast as live, in milliseconds: a playlist that changes its tracks, or is missing for
// a moment, is loaded again.
const PATIENCE = 5000;

// For how long after its last answer a server that does not respond is shown as reachable,
// in milliseconds: one lost request is not an outage either.
const SILENCE = 5000;

// For how long a player that stands still may try to play the end of a broadcast, in milliseconds.
const LAST_TRY = 10_000;

/** The server can be reached, by when it answered last and whether it did just now. */
export const isReachable = (error, silentFor) => !error || silentFor < SILENCE;

/**
 * `broadcast` is the API's object, or null when there is none (or undefined when
 * there was no answer yet); `reachable`: the last request was
 * answered; `denied` is why the server refuses the media: "missing", the page has no playback
 * token, or "over", its token counts no more; `playback` is the player's own state:
 *   idle        nothing loaded
 *   loading     loaded, no picture yet
 *   playing     pictures move
 *   buffering   pictures stopped because there is no data
 *   failed      an error, being recovered from (retryIn: milliseconds; failingFor:
 *               milliseconds since the first error without a picture since)
 *   finished    the playlist's end was played
 *   unsupported the browser cannot play HLS
 * `replaying`: the player has the replay, not the live broadcast.
 *
 * It returns `state` (one word for the badge), `cover` (title and detail in
 * place of the picture, or null), `toast` (a line over the picture, or ""),
 * `busy` (the spinner turns), and buttons to offer: `retry`, `replay` (watch it),
 * `live` (watch that, beside the toast).
 */
export function statusOf({ broadcast, reachable, denied, playback, retryIn = 0, failingFor = Infinity, replaying = false }) {
  if (playback === 'failed' && !replaying && reachable && !denied && isPlayable(broadcast) && failingFor < PATIENCE) playback = 'buffering';
  const hasPicture = playback === 'playing' || playback === 'buffering';
  const busy = playback === 'buffering' || playback === 'loading';
  const shown = (state, more = {}) => ({ state, cover: null, toast: '', busy, retry: false, replay: false, live: false, ...more });
  const covered = (state, title, detail, more = {}) => shown(state, { cover: { title, detail }, busy: false, ...more });

  if (playback === 'unsupported') {
    return covered('error', 'This browser cannot play the broadcast', 'It supports neither Media Source Extensions nor HLS. Try a current Chrome, Edge, Firefox or Safari.', { calm: true });
  }
  if (denied && reachable && !hasPicture) {
    return denied === 'missing'
      ? covered('denied', 'This broadcast is not public', 'Open the whole link that you were given to watch it.', { calm: true })
      : covered('denied', 'This link is not valid any more', 'It has expired or was withdrawn. Ask for a new one.', { calm: true });
  }
  if (replaying) {
    if (playback === 'failed') return covered('replay', 'The connection was lost', `${tryingAgain(retryIn)} The replay will continue where it stopped.`, { retry: true });
    if (isPlayable(broadcast) && reachable) return shown('replay', { toast: 'The broadcast is live again', live: true });
    return shown('replay', { toast: reachable ? '' : 'The server is not responding. Trying again.' });
  }
  if (broadcast === undefined && !hasPicture) {
    return reachable
      ? covered('waiting', 'Connecting…', '')
      : covered('offline', 'The server cannot be reached', 'Trying again every few seconds.', { retry: true });
  }

  const state = broadcast?.state ?? 'waiting';
  if (state === 'ended' || broadcast === null) {
    // What is buffered is still played; the end of the playlist ends it.
    if (hasPicture) return shown('ended', { busy: false, toast: 'The broadcaster has stopped' });
    if (playback === 'finished' || state === 'ended') {
      return covered('ended', 'This broadcast has ended', 'If it starts again, it will play here automatically.', { calm: true, replay: Boolean(broadcast?.replay) });
    }
    return covered('waiting', 'Not live yet', 'Playback starts automatically when the broadcast begins.');
  }
  if (!reachable && !hasPicture) {
    return covered('offline', 'The server cannot be reached', `${tryingAgain(retryIn)} You do not need to reload.`, { retry: true });
  }
  if (state === 'starting' && !hasPicture) {
    return covered('starting', 'Starting…', 'The video will appear in a moment.');
  }
  if (state === 'reconnecting') {
    return hasPicture
      ? shown('reconnecting', { toast: 'The broadcaster’s connection dropped. Waiting for the broadcaster to reconnect.', busy: playback === 'buffering' })
      : covered('reconnecting', 'The broadcaster’s connection dropped', 'Waiting for the broadcaster to reconnect.');
  }
  if (playback === 'failed') {
    return covered('offline', 'The connection was lost', `${tryingAgain(retryIn)} You do not need to reload.`, { retry: true });
  }
  if (!reachable) return shown('live', { toast: 'The server is not responding. Trying again.' });
  return shown(state);
}

/** Reports whether there is a live picture. */
export function isPlayable(broadcast) {
  return broadcast?.state === 'live' || broadcast?.state === 'reconnecting';
}

/**
 * Reports whether the player should drop the media of a broadcast that has ended. The end of its
 * playlist can still be loaded: a player that was recovering from an error when it ended plays
 * it, unless it has stood still for `stillFor` milliseconds.
 */
export function isPlayedOut(broadcast, playback, stillFor) {
  if (broadcast?.state !== 'ended') return false;
  return playback === 'idle' || playback === 'finished' || playback !== 'playing' && stillFor > LAST_TRY;
}

/**
 * Reports whether the player should leave the replay. One that plays or was paused is left
 * to the viewer. One that was played to its end is replaced by the live broadcast; one that
 * failed and no longer exists is replaced by that, or by a message.
 */
export function isReplayOver(broadcast, playback) {
  if (playback === 'finished') return isPlayable(broadcast);
  return playback === 'failed' && !broadcast?.replay;
}

function tryingAgain(ms) {
  const s = Math.ceil(ms / 1000);
  return s > 1 ? `Trying again in ${s} s.` : 'Trying again now.';
}

/** The badge's word for a state. */
export function label(state) {
  return {
    live: 'Live', reconnecting: 'Reconnecting', starting: 'Starting', ended: 'Ended',
    waiting: 'Waiting', replay: 'Replay', offline: 'Offline', denied: 'No access', error: 'Cannot play',
  }[state] ?? state;
}
