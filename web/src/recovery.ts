// @ts-nocheck
// What to do about a fatal playback error, and when. Pure: the clock is given.

const MAX_DELAY = 10_000;
const MEDIA_PATIENCE = 10_000;

/**
 * A lost connection is first resumed where it was, and a failed decoder first
 * restarted; when that does not help, the source is loaded again, after a delay that
 * doubles up to ten seconds.
 */
export class Recovery {
  #now;
  #tries = 0;
  #lastMedia = -Infinity;

  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** `kind` is "network", "manifest", "media" or "other". */
  decide(kind) {
    const now = this.#now();
    if (kind === 'media' && now - this.#lastMedia > MEDIA_PATIENCE) {
      this.#lastMedia = now;
      return { action: 'recoverMedia', delay: 0 };
    }
    const delay = Math.min(MAX_DELAY, 500 * 2 ** this.#tries);
    this.#tries += 1;
    if (kind === 'network' && this.#tries <= 2) return { action: 'startLoad', delay };
    return { action: 'reload', delay };
  }

  /** Media is playing again: the next error begins with the first step. */
  healthy() {
    this.#tries = 0;
  }
}
