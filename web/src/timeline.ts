// @ts-nocheck
// Where pictures of a live broadcast are, by their program date-time in seconds. Pure; `details`
// is hls.js's account of a media playlist.

const NEAR = 3; // seconds behind the live end that still are live

/** The date of the live end, now; NaN when not known. */
export function liveEnd(details) {
  const last = details?.fragments.at(-1);
  return last?.programDateTime ? last.programDateTime / 1000 + details.edge - last.start + details.age : NaN;
}

/** The position of a date in the playlist; NaN when it is older than what the playlist will have for a while. */
export function placeOf(details, date) {
  const fragments = details?.fragments ?? [];
  for (let i = fragments.length - 1; i > 0; i -= 1) {
    const begin = fragments[i].programDateTime / 1000;
    if (date >= begin) return Math.min(fragments[i].start + date - begin, fragments[i + 1]?.start ?? details.edge);
  }
  return NaN;
}

/** The position where the playlist begins to be safe to play: its second segment. */
export function firstPlace(details) {
  const fragments = details?.fragments ?? [];
  return (fragments[1] ?? fragments[0])?.start ?? 0;
}

/** Seconds that a viewer can go back: since the broadcast began, at most what the server keeps. */
export function reach(end, since, window) {
  const age = end - since;
  return age > 0 ? Math.min(age, window) : 0;
}

/** A position so many seconds behind the live end is the live end. */
export const isLive = (behind) => behind < NEAR;
