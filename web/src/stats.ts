// @ts-nocheck
// The playback statistics below the player.

import * as format from './format.ts';
import { label } from './status.ts';

export class Stats {
  #fields = {};
  #only;

  constructor(root) {
    this.#only = root.querySelectorAll('[data-only]');
    for (const field of root.querySelectorAll('[data-stat]')) this.#fields[field.dataset.stat] = field;
  }

  /** Draws what the player knows now. */
  draw({ video, source, status, broadcast, replaying }) {
    for (const stat of this.#only) stat.hidden = (stat.dataset.only === 'replay') !== replaying;
    const playing = source.state === 'playing' || source.state === 'buffering';
    this.#put('latency', playing ? format.seconds(source.latency) : '');
    this.#put('position', replaying ? format.position(video.currentTime, video.duration) : '');
    this.#put('bitrate', playing ? format.bitrate(source.bitrate) || statedBitrate(broadcast) : '');
    this.#put('buffer', playing ? format.seconds(source.buffer) : '', playing && !replaying && source.buffer < 0.3 && 'bad');
    this.#put('resolution', playing ? format.resolution(video.videoWidth, video.videoHeight) || 'Audio only' : '');
    this.#dropped(playing ? video.getVideoPlaybackQuality?.() : undefined);
    this.#put('state', label(status.state));
    this.#fields.state.dataset.state = status.state;
  }

  #dropped(quality) {
    if (!quality) return this.#put('dropped', '');
    const { droppedVideoFrames: dropped, totalVideoFrames: total } = quality;
    const share = total > 0 ? (100 * dropped) / total : 0;
    this.#put('dropped', `${dropped} of ${total}`, share > 5 && 'bad');
  }

  /** "4.6 Mbit/s" is drawn as a large number and a small unit. */
  #put(name, text, level) {
    const field = this.#fields[name];
    if (level) field.dataset.level = level;
    else delete field.dataset.level;
    if (field.dataset.text === text) return;
    field.dataset.text = text;
    const [, number, unit] = /^([\d.:]+) (s|[kM]bit\/s|of \d+|\/ [\d:]+)$/.exec(text) ?? [];
    if (!number) {
      field.textContent = text || '–';
      return;
    }
    const small = document.createElement('small');
    small.textContent = unit;
    field.replaceChildren(number, ' ', small);
  }
}

// The browser's own HLS does not report what it loads; the server's value is shown, marked with ≈.
function statedBitrate(broadcast) {
  const rendition = format.mainRendition(broadcast);
  const text = format.bitrate(rendition?.average_bandwidth || rendition?.bandwidth);
  return text && `≈ ${text}`;
}
