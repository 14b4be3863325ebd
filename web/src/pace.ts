// @ts-nocheck
// How fast a live viewer plays who is behind.

const NEAR = 0.1; // seconds behind that are not worth catching up
const FASTEST = 1.2; // which is hardly heard
const STEP = 0.05;

/**
 * The playback rate for a viewer `behind` seconds after the target, which is `target` seconds behind the
 * live end. With little in the buffer the network is slow, and playing faster would stall.
 */
export function catchUpRate(behind, buffer, target) {
  if (!(behind > NEAR) || !(buffer > target / 2)) return 1;
  return Math.min(FASTEST, 1 + STEP * Math.max(1, Math.round(behind / 2 / STEP)));
}
