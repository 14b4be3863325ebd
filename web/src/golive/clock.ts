// A camera and a microphone stamp their media by clocks of their own, with different zeros and
// slightly different speeds. Here both become milliseconds of the broadcast.

/** Differences below this are jitter, in milliseconds. */
const tolerance = 15;
/** A difference above this is a gap (a device that stood still), and is corrected at once. */
const gap = 500;
/** How fast a clock is corrected otherwise: at least so many milliseconds a second, or this share of the difference. */
const slew = 5;
const slewShare = 0.5;
/** Arrival times are judged over windows of this length, in milliseconds; the first one is short, and each of its frames counts at once. */
const windowLength = 2_000;
const firstWindow = 500;

/**
 * Maps the times of one source to milliseconds of the broadcast. It is joined to the common clock at
 * the source's first frame, and then follows the least delayed frame of each window: media comes late
 * at times, but never early.
 */
export class MediaClock {
  #offset: number | undefined; // common clock minus media time
  #windowBegin = 0;
  #least = Infinity;
  #target: number | undefined;
  #correctedAt = 0;
  #first = true; // window

  /** Takes note that media of `mediaMs` arrived at `nowMs` of the common clock. */
  observe(mediaMs: number, nowMs: number): void {
    const offset = nowMs - mediaMs;
    if (this.#offset === undefined) {
      this.#offset = offset;
      this.#windowBegin = nowMs - windowLength + firstWindow;
      this.#correctedAt = nowMs;
      return;
    }
    this.#least = Math.min(this.#least, offset);
    if (this.#first) this.#offset = Math.min(this.#offset, offset);
    if (nowMs - this.#windowBegin >= windowLength) {
      const difference = this.#least - this.#offset;
      if (Math.abs(difference) > gap) this.#offset = this.#least;
      this.#target = Math.abs(difference) > tolerance ? this.#least : undefined;
      this.#least = Infinity;
      this.#windowBegin = nowMs;
      this.#first = false;
    }
    if (this.#target !== undefined) {
      const left = this.#target - this.#offset;
      const step = ((nowMs - this.#correctedAt) / 1_000) * Math.max(slew, Math.abs(left) * slewShare);
      this.#offset += Math.sign(left) * Math.min(step, Math.abs(left));
      if (this.#offset === this.#target) this.#target = undefined;
    }
    this.#correctedAt = nowMs;
  }

  /** The time of the broadcast, in milliseconds. */
  at(mediaMs: number): number {
    return mediaMs + (this.#offset ?? 0);
  }

  /** The common clock minus the source's, in milliseconds. */
  get offset(): number {
    return this.#offset ?? 0;
  }

  /** Forgets the source: the next observation is another source's first one. */
  reset(): void {
    this.#offset = this.#target = undefined;
    this.#least = Infinity;
    this.#first = true;
  }
}

/**
 * The clock of the sound, which is the broadcast's: the time of sound is its first sample's time plus
 * the samples since, exactly, since players take any other step for missing sound. What its clock
 * differs from the common one is `drift`, by which the picture moves instead.
 */
export class SoundClock {
  readonly #clock = new MediaClock();
  #joined: number | undefined;
  #drift = 0;

  observe(mediaMs: number, nowMs: number): void {
    this.#clock.observe(mediaMs, nowMs);
    // After a gap, as of a microphone that stood still, sound is joined anew.
    if (this.#joined === undefined || Math.abs(this.#clock.offset - this.#joined - this.#drift) > gap) {
      this.#joined = this.#clock.offset - this.#drift;
    }
    this.#drift = this.#clock.offset - this.#joined;
  }

  /** Milliseconds to take from the common clock for the broadcast's. */
  get drift(): number {
    return this.#drift;
  }

  at(mediaMs: number): number {
    return mediaMs + (this.#joined ?? 0);
  }
}
