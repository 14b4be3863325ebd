// What to encode for an upload that is slower than the camera. Pure: measurements in, decision out.

/** What the encoder makes. `videoBitrate` is in bits per second. */
export interface Quality {
  videoBitrate: number;
  frameRate: number;
  width: number;
  height: number;
}

export interface Measurement {
  /** Time, in milliseconds. */
  now: number;
  /** For how long the oldest media that the server has not acknowledged is under way, in milliseconds. */
  delay: number;
  /** Bytes that wait in the browser. */
  buffered: number;
  /** What the server acknowledged lately, bits per second; undefined if that is not known. */
  throughput: number | undefined;
}

export interface Decision {
  quality: Quality;
  /** Why it changed; undefined if it did not. */
  why: 'upload-slow' | 'upload-better' | undefined;
  /** Whether video is to be left out until the next key frame. */
  skip: boolean;
}

/** Delays of the upload, in milliseconds: fine, too much, and when pictures are left out. */
const fine = 250;
const slow = 450;
const skipAbove = 900;
/** Between two decisions to lower, in milliseconds: the first must have an effect. */
const lowerInterval = 1_000;
/** After so long without delay the bitrate is raised, by `raise`; longer after each raise that failed. */
const raiseInterval = 6_000;
const maxRaiseInterval = 60_000;
const raise = 1.2;
const lower = 0.7;
/** If the upload takes so long for a picture that nothing is known of it. */
const lowerBlindly = 0.5;
const minBitrate = 120_000;
/** Of what the upload took, video gets so much: the rest is sound, and room to make up for the delay. */
const share = 0.7;
const audioBitrate = 140_000;
/** What is sent is no more than this share of the upload: nothing is lowered. */
const fits = 0.97;
/** Bits per pixel below which fewer pictures, and then smaller ones, look better. */
const minBitsPerPixel = 0.045;
/** A larger picture is only chosen with more than that, so that it does not change to and fro. */
const hysteresis = 1.35;
const heights = [1080, 720, 480, 360, 240, 160];

const even = (value: number): number => Math.max(2, Math.round(value / 2) * 2);

/** The pictures for a bitrate: the first of full rate, half rate, then the next smaller size that has enough bits. */
export function pictureFor(videoBitrate: number, best: Quality, now?: Quality): Quality {
  const short = Math.min(best.width, best.height);
  const sizes = [short, ...heights.filter((height) => height < short)];
  let chosen = best;
  for (const size of sizes) {
    const width = size === short ? best.width : even((best.width * size) / short);
    const height = size === short ? best.height : even((best.height * size) / short);
    for (const frameRate of [best.frameRate, best.frameRate / 2]) {
      chosen = { videoBitrate, frameRate, width, height };
      const more = now !== undefined && width * height * frameRate > now.width * now.height * now.frameRate;
      const bits = videoBitrate / (width * height * frameRate);
      const wanted = Math.min(minBitsPerPixel, best.videoBitrate / (best.width * best.height * best.frameRate));
      if (bits >= wanted * (more && videoBitrate < best.videoBitrate ? hysteresis : 1)) return chosen;
    }
  }
  return chosen;
}

/** Decides from time to time. */
export class Adaptation {
  readonly #best: Quality;
  #quality: Quality;
  #skip = false;
  #loweredAt = -Infinity;
  #raisedAt = -Infinity;
  #fineSince: number | undefined;
  #raiseInterval = raiseInterval;

  constructor(best: Quality) {
    this.#best = best;
    this.#quality = best;
  }

  get quality(): Quality {
    return this.#quality;
  }

  decide(m: Measurement): Decision {
    // What waits in the browser counts as well while no acknowledgement has come.
    const delay = Math.max(m.delay, (m.buffered * 8_000) / (this.#quality.videoBitrate + audioBitrate));
    this.#skip = delay > skipAbove || (this.#skip && delay > fine);
    if (delay > fine) this.#fineSince = undefined;
    else this.#fineSince ??= m.now;

    if (delay > slow && m.now - this.#loweredAt >= lowerInterval) return this.#lower(m, delay);
    const since = Math.max(this.#fineSince ?? Infinity, this.#raisedAt, this.#loweredAt);
    if (m.now - since >= this.#raiseInterval && this.#quality.videoBitrate < this.#best.videoBitrate) {
      this.#raisedAt = m.now;
      return this.#set(Math.min(this.#best.videoBitrate, this.#quality.videoBitrate * raise), 'upload-better');
    }
    return { quality: this.#quality, why: undefined, skip: this.#skip };
  }

  #lower(m: Measurement, delay: number): Decision {
    const was = this.#quality.videoBitrate;
    const room = m.throughput === undefined ? was * (delay > skipAbove ? lowerBlindly : lower) : m.throughput * share - audioBitrate;
    // What is sent now fits: what was sent before is still on its way.
    if (m.throughput !== undefined && was + audioBitrate <= m.throughput * fits) return { quality: this.#quality, why: undefined, skip: this.#skip };
    // A raise that soon was too much makes the next one wait longer.
    const failed = m.now - this.#raisedAt < 2 * raiseInterval;
    this.#raiseInterval = failed ? Math.min(maxRaiseInterval, this.#raiseInterval * 2) : raiseInterval;
    this.#loweredAt = m.now;
    const next = Math.round(Math.max(minBitrate, Math.min(this.#best.videoBitrate, was * lower, Math.max(room, was / 8))));
    if (next >= was) return { quality: this.#quality, why: undefined, skip: this.#skip };
    return this.#set(next, 'upload-slow');
  }

  #set(videoBitrate: number, why: 'upload-slow' | 'upload-better'): Decision {
    this.#quality = pictureFor(Math.round(videoBitrate), this.#best, this.#quality);
    return { quality: this.#quality, why, skip: this.#skip };
  }
}
