// @ts-nocheck
// The qualities of the media that is played, and the viewer's choice among them.

import { bitrate } from './format.ts';

const COME_BACK = 10_000; // milliseconds after an error in the quality that was chosen, until it is tried again

/** The name of a rendition, from the address of its playlist: .../NAME/index.m3u8. */
export const nameOf = (url) => url.split('?', 1)[0].split('/').at(-2);

/** The address of a rendition's playlist, from that of the multivariant playlist. */
export const playlistOf = (url, name) => url.replace(/[^/?]+(?=$|\?)/, (file) => `${name}/${file}`);

/**
 * The qualities that a multivariant playlist lists, the best one first: name, label, a shorter one, and
 * whether it has video. `levels` are the variant streams as hls.js lists them.
 */
export function qualitiesOf(levels) {
  const all = levels.map(({ url, bitrate: peak, width = 0, height = 0, videoCodec, attrs }) => ({
    name: nameOf(url), peak, side: Math.min(width, height), rate: Number(attrs?.['FRAME-RATE'] ?? 0), video: Boolean(videoCodec || height),
  }));
  all.sort((a, b) => b.side - a.side || isSource(b) - isSource(a) || b.peak - a.peak);
  const words = all.map((quality) => describe(quality));
  return all.map((quality, i) => {
    const twice = words.filter((word) => word === words[i]).length > 1;
    return { name: quality.name, video: quality.video, short: words[i].replace('Source · ', ''), label: twice ? `${words[i]} · ${bitrate(quality.peak)}` : words[i] };
  });
}

const isSource = ({ name }) => Number(name === 'source');

/** "720p", "1080p60", "Source · 1080p", "Audio only". */
function describe({ name, side, rate, video }) {
  const size = side ? `${side}p${rate > 32 ? Math.round(rate) : ''}` : '';
  if (name === 'source') return ['Source', size].filter(Boolean).join(' · ');
  return size || (video ? name : 'Audio only');
}

/**
 * Fires "change" when a property has changed, and "reload" when the source must be loaded again:
 * hls.js leaves out variant streams without video if others have it, so a rendition with audio
 * only is loaded by its own playlist.
 */
export class Quality extends EventTarget {
  #hls = null;
  #url = ''; // of the multivariant playlist
  #direct = ''; // the rendition whose own playlist is loaded instead
  #names = ''; // of the renditions that the server had when the list was loaded
  #reader = null; // loads the list again
  #retryTimer = 0;
  #loaded = ''; // the rendition whose media was loaded last
  #over = -1; // the media sequence number of a segment that is loaded over the one that is played

  /** What can be chosen; see qualitiesOf. */
  list = [];
  /** The name of the quality that the viewer chose, or "" to adapt to the network. */
  chosen = '';
  /** The name of the quality that plays; "" when not known. */
  playing = '';

  /** Forgets everything but the choice, before other media is loaded. */
  reset() {
    this.list = [];
    this.#names = '';
    this.#changed();
  }

  /** Returns the address to load: url, the multivariant playlist, or a rendition's own playlist. */
  address(url) {
    this.#url = url;
    this.#direct = this.#withoutVideo();
    return this.#direct ? playlistOf(url, this.#direct) : url;
  }

  /** Follows hls, which is going to load that address. */
  attach(hls) {
    this.#hls = hls;
    this.playing = this.#direct;
    this.#loaded = '';
    this.#over = -1;
    if (this.#direct) return;
    const { Events } = hls.constructor;
    hls.on(Events.MANIFEST_LOADED, (_, { levels }) => { this.#listed(levels); });
    hls.on(Events.MANIFEST_PARSED, () => this.#apply((index) => { hls.loadLevel = index; }));
    // Its playlist may have been requested before replaceLevels changed its index.
    hls.on(Events.LEVEL_LOADED, (_, { levelInfo }) => {
      const index = hls.levels.indexOf(levelInfo);
      if (index >= 0) place(levelInfo, index);
    });
    hls.on(Events.LEVEL_SWITCHED, (_, { level }) => {
      this.playing = nameOf(hls.levels[level]?.uri ?? '') ?? '';
      this.#changed();
    });
    hls.on(Events.FRAG_BUFFERED, (_, { frag, part }) => {
      if (frag.type === 'main') this.#join(hls.media, frag, part ?? frag); // an open segment has no address, its parts have
    });
    hls.on(Events.ERROR, () => {
      if (this.chosen === '' || !hls.autoLevelEnabled) return;
      clearTimeout(this.#retryTimer);
      this.#retryTimer = setTimeout(() => this.#switch(), COME_BACK);
    });
  }

  /** Stops following hls, which is going to be destroyed. */
  detach() {
    clearTimeout(this.#retryTimer);
    this.#reader?.destroy();
    this.#reader = this.#hls = null;
  }

  /** Plays the quality of that name, or with "" what suits the network. */
  choose(name) {
    this.chosen = name;
    this.#switch();
    this.#changed();
  }

  /**
   * Called with the names of the renditions that the server has now. hls.js loads the multivariant
   * playlist once; when renditions come or go, it is loaded again during playback.
   */
  offer(names) {
    if (!this.#hls || this.#reader || this.list.length === 0 || names.length === 0) return;
    const now = names.toSorted().join();
    if (now === (this.#names || this.list.map(({ name }) => name).toSorted().join())) return;
    const { constructor: Hls } = this.#hls;
    const reader = new Hls({ autoStartLoad: false, enableWorker: false });
    this.#reader = reader;
    const done = () => {
      if (reader !== this.#reader) return;
      this.#reader = null;
      setTimeout(() => reader.destroy()); // not while it handles its own event
    };
    // hls.js has parsed it before it passes the event on.
    reader.on(Hls.Events.MANIFEST_LOADED, (_, { levels }) => {
      if (reader !== this.#reader) return;
      done();
      this.#names = now;
      if (!this.#direct && reader.levels) replaceLevels(this.#hls, reader.levels);
      this.#listed(levels);
      this.#switch();
    });
    reader.on(Hls.Events.ERROR, (_, { fatal }) => { if (fatal) done(); }); // the next answer of the server tries again
    reader.loadSource(this.#url);
  }

  /** The chosen rendition if it has audio only and others have video; otherwise "". */
  #withoutVideo() {
    const quality = this.list.find(({ name }) => name === this.chosen);
    return quality && !quality.video && this.list.some(({ video }) => video) ? quality.name : '';
  }

  #listed(levels) {
    this.list = qualitiesOf(levels);
    if (this.#withoutVideo() !== this.#direct) setTimeout(() => this.#switch());
    this.#changed();
  }

  #switch() {
    if (!this.#hls) return;
    if (this.#withoutVideo() !== this.#direct) return this.dispatchEvent(new Event('reload'));
    this.#apply((index) => { this.#hls.nextLevel = index; });
  }

  /** Passes the chosen level to set, unless it is set already. A missing one is left to hls.js. */
  #apply(set) {
    if (this.#direct) return;
    const levels = this.#hls?.levels ?? [];
    const index = this.chosen === '' ? -1 : levels.findIndex(({ uri }) => nameOf(uri) === this.chosen);
    if (index !== (this.#hls?.manualLevel ?? -1)) set(index);
  }

  /**
   * Called when media was buffered. When the rendition changes, hls.js may load the segment that is played
   * again from the other one. A decoder cannot go on with that in the middle of a group of pictures: it
   * plays what is left of the old rendition, and then waits for the next key frame, or fails. After a seek to
   * where it is, it begins with the key frame before.
   */
  #join(media, { sn, start }, { end, url }) {
    const name = nameOf(url);
    if (this.#loaded !== '' && name !== this.#loaded) this.#over = start < media?.currentTime ? sn : -1;
    this.#loaded = name;
    if (sn !== this.#over || !(end > media?.currentTime)) return;
    this.#over = -1;
    media.currentTime += 0;
  }

  #changed() { this.dispatchEvent(new Event('change')); }
}

/**
 * Gives hls the levels of a newer multivariant playlist, without an interruption: the levels that
 * it knows stay the same objects. removeLevel adjusts all its indexes, so one more level than
 * needed is added, and removed.
 */
function replaceLevels(hls, levels) {
  const same = (a) => (b) => a.uri === b.uri;
  const gone = hls.levels.filter((level) => !levels.some(same(level)));
  const now = levels.map((level) => hls.levels.find(same(level)) ?? level);
  hls.levels.splice(0, hls.levels.length, ...now, ...gone, {});
  now.forEach(place);
  hls.removeLevel(hls.levels.length - 1);
  for (const level of gone) {
    place(level, -1);
    hls.removeLevel(hls.levels.indexOf(level));
  }
}

/**
 * Gives the segments of a level its index. removeLevel (1.7.4) leaves out the open segment of a low-latency
 * playlist, which may be loading just then: its index would be that of another level or of none.
 */
function place({ details }, index) {
  for (const fragment of [...(details?.fragments ?? []), details?.fragmentHint]) {
    if (fragment) fragment.level = index;
  }
}
