// @ts-nocheck
// How soon playback follows a network that becomes slow.

const SLOW = 1.5; // durations of a part in which it must be loaded
const IN_A_ROW = 2; // parts that take longer, after which the network is too slow

/**
 * Measures the network with each part that hls loads. hls.js (1.7.4) does so with the last part of each
 * segment: on a network that becomes slow it loads the rest of the segment, and often another one, of the
 * rendition that the network is too slow for, while playback stands still.
 */
export function followNetwork(hls) {
  let slow = 0;
  hls.on(hls.constructor.Events.FRAG_LOADED, (_, { frag, part }) => {
    if (!part || frag.type !== 'main') return;
    const { loading: { first, end }, loaded } = part.stats; // before first it may have waited for the part to exist
    const seconds = (end - first) / 1000;
    slow = seconds > SLOW * part.duration ? slow + 1 : 0;
    if (slow < IN_A_ROW || !hls.autoLevelEnabled || frag.level <= hls.minAutoLevel) return;
    slow = 0;
    hls.bandwidthEstimate = loaded * 8 / seconds;
    if (hls.nextAutoLevel >= frag.level) return;
    // hls.js requests the next part after this event: that is cancelled too.
    setTimeout(() => {
      if (hls.media && hls.autoLevelEnabled) hls.currentLevel = -1; // what suits the network, and at once
    });
  });
}
