// @ts-nocheck
// Settings of hls.js.

/**
 * For the player, for rewinding and for replays in it, and for the small pictures
 * on the home page.
 *
 * The player has no backBufferLength: what was played stays until the browser removes
 * it. When hls.js (1.7.4) removes it while the parts of a segment are loaded, it sometimes
 * loses track of them, and stalls until the next segment is complete: first seen after
 * 36 s, then repeatedly.
 *
 * hls.js catches up only while more than a second is buffered, which at low latency is never: the player
 * sets the rate itself (maxLiveSyncPlaybackRate 1 leaves it alone).
 *
 * All bound what is loaded ahead (maxMaxBufferLength, seconds): otherwise hls.js loads 60 MB, or
 * up to ten minutes, when a viewer goes to the beginning of a long live window.
 */
export const SETTINGS = {
  player: { lowLatencyMode: true, maxLiveSyncPlaybackRate: 1, liveDurationInfinity: true, maxMaxBufferLength: 30 },
  rewound: { lowLatencyMode: false, backBufferLength: 60, maxMaxBufferLength: 60, liveDurationInfinity: true },
  replay: { lowLatencyMode: false, backBufferLength: 60, maxMaxBufferLength: 60 },
  preview: { maxLiveSyncPlaybackRate: 1, backBufferLength: 4, maxBufferLength: 8, maxMaxBufferLength: 8, startLevel: 0, capLevelToPlayerSize: true, liveDurationInfinity: true },
};
