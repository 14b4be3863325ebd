// @ts-nocheck
// The player's buttons, keys and volume.

import { QualityMenu } from './qualitymenu.ts';
import { SeekBar } from './seekbar.ts';

const QUIET_AFTER = 2600;
const BEHIND = 2.5; // seconds past the live position that make "Go to live" appear

export class Controls {
  #root;
  #video;
  #source;
  #parts;
  #seekBar;
  #replaying = false;
  #quietTimer = 0;

  constructor(root, video, source) {
    this.#root = root;
    this.#video = video;
    this.#source = source;
    this.#seekBar = new SeekBar(root, video, source);
    new QualityMenu(root, source.quality);
    const part = (name) => root.querySelector(`[data-${name}]`);
    this.#parts = { play: part('play'), mute: part('mute'), unmute: part('unmute'), volume: part('volume'), live: part('golive'), liveText: part('golive-text'), pip: part('pip'), full: part('full') };

    const { play, mute, unmute, volume, live, pip, full } = this.#parts;
    play.addEventListener('click', () => this.#togglePlay());
    mute.addEventListener('click', () => this.#toggleMute());
    unmute.addEventListener('click', () => this.#toggleMute(false));
    volume.addEventListener('input', () => {
      video.volume = Number(volume.value);
      video.muted = video.volume === 0;
    });
    live.addEventListener('click', () => source.goLive());
    full.addEventListener('click', () => this.#toggleFull());
    pip.hidden = !document.pictureInPictureEnabled;
    pip.addEventListener('click', () => this.#togglePip());
    video.addEventListener('click', () => (matchMedia('(hover: none)').matches ? this.#stir() : this.#togglePlay()));
    video.addEventListener('dblclick', () => this.#toggleFull());
    for (const event of ['play', 'pause', 'volumechange', 'ended']) video.addEventListener(event, () => this.#draw());
    for (const event of ['pointermove', 'pointerdown', 'focusin', 'keydown']) root.addEventListener(event, () => this.#stir());
    root.addEventListener('pointerleave', () => this.#hush());
    document.addEventListener('keydown', (event) => this.#key(event));
    document.addEventListener('fullscreenchange', () => this.#draw());
    this.#draw();
  }

  /** Called twice a second; `active`: a picture is shown; `replaying`: it is not live, and `storyboard` has its pictures. */
  update(active, replaying, storyboard = null) {
    this.#replaying = replaying;
    this.#seekBar.picture(storyboard);
    this.#seekBar.show(this.#replaying || this.#source.span !== null);
    const { live, liveText, unmute } = this.#parts;
    const late = active && (this.#video.paused || !this.#source.following || this.#source.behind > BEHIND);
    live.hidden = replaying;
    live.disabled = !late;
    live.toggleAttribute('data-edge', active && !late);
    const text = late ? 'Go to live' : 'Live';
    if (liveText.textContent !== text) liveText.textContent = text;
    unmute.hidden = !active || !this.#video.muted || this.#source.state === 'loading';
  }

  #draw() {
    const { play, mute, volume, full } = this.#parts;
    const { paused, ended, muted, volume: level } = this.#video;
    if (ended) face(play, 'again', 'Watch again');
    else face(play, paused ? 'play' : 'pause', paused ? 'Play' : 'Pause');
    face(mute, muted ? 'muted' : 'sound', muted ? 'Unmute' : 'Mute');
    face(full, 'full', document.fullscreenElement ? 'Exit full screen' : 'Full screen');
    volume.value = String(muted ? 0 : level);
    this.#stir();
  }

  #togglePlay() {
    if (this.#video.paused) this.#source.resume();
    else this.#video.pause();
  }

  #toggleMute(muted = !this.#video.muted) {
    this.#video.muted = muted;
    if (!muted && this.#video.volume === 0) this.#video.volume = 1;
    if (!muted) this.#source.play();
  }

  async #toggleFull() {
    const video = this.#video;
    if (document.fullscreenElement) return document.exitFullscreen();
    if (this.#root.requestFullscreen) return this.#root.requestFullscreen().catch(() => {});
    video.webkitEnterFullscreen?.(); // on an iPhone only videos can be full screen
  }

  async #togglePip() {
    if (document.pictureInPictureElement) return document.exitPictureInPicture();
    await this.#video.requestPictureInPicture().catch(() => {});
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.('input:not([type=range]), textarea, select, a')) return;
    if (event.target.closest?.('input') && event.key.startsWith('Arrow')) return; // its own
    const onButton = Boolean(event.target.closest?.('button'));
    const actions = {
      k: () => this.#togglePlay(),
      m: () => this.#toggleMute(),
      f: () => this.#toggleFull(),
      l: () => this.#source.goLive(),
      ...(this.#source.span ? { arrowleft: () => this.#seekBar.step(-1), arrowright: () => this.#seekBar.step(1) } : {}),
      ...(onButton ? {} : { ' ': () => this.#togglePlay() }),
    };
    const action = actions[event.key.toLowerCase()];
    if (!action || !this.#source.loaded) return;
    event.preventDefault();
    action();
    this.#stir();
  }

  #stir() {
    clearTimeout(this.#quietTimer);
    this.#root.removeAttribute('data-quiet');
    this.#quietTimer = setTimeout(() => this.#hush(), QUIET_AFTER);
  }

  #hush() {
    if (!this.#video.paused && this.#source.state === 'playing') this.#root.setAttribute('data-quiet', '');
  }
}

function face(button, icon, name) {
  button.querySelector('use').setAttribute('href', `#i-${icon}`);
  button.setAttribute('aria-label', name);
  button.title = name;
}
