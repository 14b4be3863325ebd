// @ts-nocheck
// Requests the broadcasts of the server: GET /v1/broadcasts.

import { apiURL, mediaPath, mediaURL } from './address.ts';

const HEAD_TIMEOUT = 1000; // milliseconds

async function get(url, signal) {
  const response = await fetch(url, { signal, headers: { Accept: 'application/json' }, cache: 'no-store' });
  if ([401, 403, 404].includes(response.status)) return null;
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return response.json();
}

/** All broadcasts the server knows. */
export async function fetchBroadcasts(signal) {
  const body = await get(apiURL(), signal);
  return body?.broadcasts ?? [];
}

/** One broadcast, or null when there is none with that id that this page may know of. */
export function fetchBroadcast(id, signal) {
  return get(apiURL(id), signal);
}

/** The HTTP status of a request for a file of a broadcast; 0 when there is no answer soon. */
export async function statusOfMedia(id, token, name) {
  try {
    const url = mediaURL(mediaPath(id, token, name));
    const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(HEAD_TIMEOUT), cache: 'no-store' });
    return response.status;
  } catch {
    return 0;
  }
}

export interface PollOptions {
  interval?: number | ((value: any) => number);
  timeout?: number;
  pauseHidden?: boolean;
}

/**
 * Polls, with one request at a time: `ask(signal)` is called, its value
 * goes to `deliver(value, null)`, its error to `deliver(undefined, error)`, and the
 * next round begins `interval` ms later (a number, or a function of the value).
 * With `pauseHidden`, a hidden page sends no requests.
 */
export function poll(ask, deliver, { interval = 2000, timeout = 5000, pauseHidden = false }: PollOptions = {}) {
  let timer = 0;
  let running = false;
  let stopped = false;
  let last;

  async function round() {
    clearTimeout(timer);
    if (stopped || running) return;
    if (pauseHidden && document.hidden) return;
    running = true;
    try {
      last = await ask(AbortSignal.timeout(timeout));
      if (!stopped) deliver(last, null);
    } catch (error) {
      if (!stopped) deliver(undefined, error);
    } finally {
      running = false;
    }
    const wait = typeof interval === 'function' ? interval(last) : interval;
    if (!stopped) timer = setTimeout(round, wait);
  }

  const onVisible = () => { if (!document.hidden) round(); };
  document.addEventListener('visibilitychange', onVisible);
  round();
  return {
    now: round,
    stop() {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    },
  };
}
