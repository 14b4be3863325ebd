// Requests the broadcasts of the server: GET /v1/broadcasts.

import { apiURL } from './address.js';

async function get(url, signal) {
  const response = await fetch(url, { signal, headers: { Accept: 'application/json' }, cache: 'no-store' });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return response.json();
}

/** All broadcasts the server knows. */
export async function fetchBroadcasts(signal) {
  const body = await get(apiURL(), signal);
  return body?.broadcasts ?? [];
}

/** One broadcast, or null when there is none with that id. */
export function fetchBroadcast(id, signal) {
  return get(apiURL(id), signal);
}

/**
 * Polls, with one request at a time: `ask(signal)` is called, its value
 * goes to `deliver(value, null)`, its error to `deliver(undefined, error)`, and the
 * next round begins `interval` ms later (a number, or a function of the value).
 * With `pauseHidden`, a hidden page sends no requests.
 */
export function poll(ask, deliver, { interval = 2000, timeout = 5000, pauseHidden = false } = {}) {
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
