// @ts-nocheck
// How soon playback follows a network that becomes slow.

const SLOW = 1.5; // how many times its own duration a part may take
const IN_A_ROW = 2; // so many slow parts in a row mean that the network is too slow
const ENOUGH = 2; // seconds that are buffered, with which there is no hurry

/**
 * Goes to a smaller rendition, and discards what is buffered of the larger one, as soon as parts take longer
 * to load than they last. hls.js (1.7.4) measures the network with the last part of each segment only: when it
 * becomes slow, it loads the rest of the segment, and often another one, while playback stands still. What is
 * loaded as whole segments is left to it.
 */
export function followNetwork(hls) {
  let slow = [];
  hls.on(hls.constructor.Events.FRAG_LOADED, (_, { frag, part }) => {
    if (!part || frag.type !== 'main') return;
    const { loading: { first, end }, loaded } = part.stats; // before first it may have waited for the part to exist
    const seconds = (end - first) / 1000;
    if (seconds <= SLOW * part.duration) {
      slow = [];
      return;
    }
    slow = [...slow.slice(1 - IN_A_ROW), { loaded, seconds }];
    if (slow.length < IN_A_ROW || !inHurry(hls)) return;
    const rate = 8 * sum(slow.map((one) => one.loaded)) / sum(slow.map((one) => one.seconds));
    slow = [];
    const lower = lowerLevel(hls, frag.level, rate);
    if (lower < 0) return;
    // With less than the lowest level needs, hls.js would begin anew with the level that the server lists first.
    hls.bandwidthEstimate = Math.max(rate, hls.levels[hls.minAutoLevel].maxBitrate);
    hls.nextAutoLevel = lower;
    // hls.js requests the next part after this event: that is cancelled too.
    setTimeout(() => {
      if (inHurry(hls) && hls.loadLevel === frag.level) hls.currentLevel = -1;
    });
  });
}

/** Reports whether hls chooses the level, and playback will soon have nothing to play. */
function inHurry(hls) {
  return Boolean(hls.media) && !hls.media.paused && hls.autoLevelEnabled && (hls.mainForwardBufferInfo?.len ?? 0) < ENOUGH;
}

/** The best level below one that needs more than a bit rate, or else the lowest; -1 if it needs less. */
function lowerLevel({ levels, minAutoLevel }, level, rate) {
  if (level <= minAutoLevel || levels[level].maxBitrate <= rate) return -1;
  let lower = level - 1;
  while (lower > minAutoLevel && levels[lower].maxBitrate > rate) lower -= 1;
  return lower;
}

const sum = (all) => all.reduce((a, b) => a + b, 0);
