// @ts-nocheck
// Formats numbers and texts for display, without side effects.

/** 4600000 → "4.6 Mbit/s". */
export function bitrate(bitsPerSecond) {
  if (!Number.isFinite(bitsPerSecond) || bitsPerSecond <= 0) return '';
  if (bitsPerSecond >= 999500) return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}

/** Milliseconds → "0:42", "12:07", "3:00:01". */
export function uptime(ms) {
  const total = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Seconds played and in all → "0:42 / 12:07"; nothing while the length is not known. */
export function position(time, duration) {
  return Number.isFinite(duration) ? `${uptime(time * 1000)} / ${uptime(duration * 1000)}` : '';
}

/** Seconds before the live end as a negative number → "−0:20"; at the live end nothing. */
export function behindLive(seconds) {
  return seconds <= -1 ? `−${uptime(-Math.round(seconds) * 1000)}` : '';
}

/** Milliseconds that have passed → "just now", "5 minutes ago", "yesterday"; not a number → "". */
export function ago(ms) {
  if (!Number.isFinite(ms)) return '';
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'just now';
  const relativeTime = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
  if (minutes < 60) return relativeTime.format(-minutes, 'minute');
  if (minutes < 24 * 60) return relativeTime.format(-Math.floor(minutes / 60), 'hour');
  return relativeTime.format(-Math.floor(minutes / 60 / 24), 'day');
}

/** The API's warnings as they are shown, the newest first: code, text, and "5 minutes ago". */
export function warnings(list, now) {
  return [...list]
    .sort((a, b) => (b.since ?? '').localeCompare(a.since ?? ''))
    .map(({ code, text, since }) => ({ code, text, since: ago(now - Date.parse(since)) }));
}

/** 1.234 → "1.2 s"; not a number → "". */
export function seconds(value) {
  return Number.isFinite(value) ? `${Math.max(0, value).toFixed(1)} s` : '';
}

/** 29.97 → "29.97", 30 → "30". */
export function frameRate(value) {
  return Number.isFinite(value) && value > 0 ? String(Math.round(value * 100) / 100) : '';
}

/** 1280, 720 → "1280 × 720"; nothing when a size is missing. */
export function resolution(width, height) {
  return width > 0 && height > 0 ? `${width} × ${height}` : '';
}

/** The rendition that came in, or the largest one. */
export function mainRendition(broadcast) {
  const all = broadcast?.renditions ?? [];
  return all.find((r) => r.name === 'source') ?? all.reduce((a, b) => ((b.height ?? 0) > (a?.height ?? -1) ? b : a), undefined);
}

/** One line about a broadcast: "3 watching · 1280 × 720 · 30 fps · 4.6 Mbit/s · obs-output". */
export function summary(broadcast) {
  const r = mainRendition(broadcast);
  const size = resolution(r?.width, r?.height);
  const fps = size && frameRate(r.frame_rate);
  return [
    broadcast.viewers > 0 && `${broadcast.viewers.toLocaleString('en')} watching`,
    r ? size || 'Audio only' : '',
    fps && `${fps} fps`,
    bitrate(r?.average_bandwidth || r?.bandwidth),
    encoder(broadcast.encoder),
  ].filter(Boolean).map((item) => item.replaceAll(' ', '\u00a0')).join(' · ');
}

/** "obs-output (libobs version 29)" → "obs-output", "FMLE/3.0 (compatible; Lavf59)" → "Lavf59". */
function encoder(text) {
  const [, real] = /\(compatible; ([^)]+)\)/.exec(text ?? '') ?? [];
  return real ?? (text ?? '').replace(/ \(.*$/, '');
}

/** A number from 0 to n-1 that depends on the text alone. */
export function hash(text, n) {
  let h = 2166136261;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619);
  return (h >>> 0) % n;
}

/** The address of this page as it is to be passed on: with or without "replay" in its query. */
export function shareLink(href, replaying) {
  const url = new URL(href);
  url.searchParams.delete('replay');
  if (replaying) url.search += `${url.search ? '&' : '?'}replay`;
  return url.href;
}

/** The address asks for the replay. */
export const asksForReplay = (href) => new URL(href).searchParams.has('replay');
