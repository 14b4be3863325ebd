// GoLive broadcasts a MediaStream to a golive server.

import type { Quality } from './adapt.ts';
import { API, rootOf } from './api.ts';
import { Capture, type Scripts } from './capture.ts';
import { follow } from './follow.ts';
import type { FromWorker } from './messages.ts';
import { qualityFor } from './quality.ts';
import { GoLiveError } from './types.ts';
import type { Broadcast, GoLiveEvents, GoLiveOptions, GoLiveState, Permission, StartSettings, Stats, Support } from './types.ts';
import { videoConfig } from './video.ts';
import { WhipPublisher } from './whip.ts';

export * from './types.ts';

const noStats: Stats = { videoBitrate: 0, frameRate: 0, width: 0, height: 0, droppedFrames: 0, delayMs: 0, sentBytes: 0 };
/** What is sent of sound, bits per second. */
const audioBitrate = 128_000;
/** The worker has so long to send the rest, in milliseconds. */
const stopLimit = 5_000;

/** A broadcast from the page. One object is one broadcast: make another one for the next. */
export class GoLive extends EventTarget {
  readonly #options: GoLiveOptions;
  readonly #root: URL;
  readonly #api: API;
  readonly #scripts: Scripts;
  #state: GoLiveState = 'idle';
  #broadcast: Broadcast | undefined;
  #stats = noStats;
  #capture: Capture | undefined;
  #prepared: MediaStream | undefined; // what capture uses,
  #using = Promise.resolve(); // from then on
  #whip: WhipPublisher | undefined;
  #following = new AbortController();
  #connected = false;
  #told = ''; // the state that the server told last
  #admitted: { resolve(): void; reject(error: GoLiveError): void } | undefined;
  #workerStopped: (() => void) | undefined;

  constructor(options: GoLiveOptions = {}) {
    super();
    this.#options = options;
    this.#root = rootOf(options.baseUrl, globalThis.document?.baseURI ?? 'http://localhost/');
    this.#api = new API(this.#root, options.token);
    const base = globalThis.document?.baseURI ?? import.meta.url;
    const beside = (name: string, url?: string | URL): URL => (url ? new URL(url, base) : new URL(name, import.meta.url));
    const worker = beside('./encoder.worker.js', options.workerUrl);
    this.#scripts = { worker, worklet: new URL('./microphone.worklet.js', worker), aac: beside('./aac.js', options.aacEncoderUrl) };
  }

  get state(): GoLiveState {
    return this.#state;
  }

  get broadcast(): Broadcast | undefined {
    return this.#broadcast;
  }

  get stats(): Stats {
    return this.#stats;
  }

  /** Listens for an event; the returned function ends that. */
  on<K extends keyof GoLiveEvents>(type: K, listener: (detail: GoLiveEvents[K]) => void): () => void {
    const call = (event: Event): void => listener((event as CustomEvent<GoLiveEvents[K]>).detail);
    this.addEventListener(type, call);
    return () => this.removeEventListener(type, call);
  }

  /** Whether the user may go live, and why. */
  may(): Promise<Permission> {
    return this.#api.may();
  }

  /** What this browser can broadcast with. */
  async supported(): Promise<Support> {
    if (!globalThis.isSecureContext) return { websocket: false, whip: false, problem: 'insecure' };
    const whip = typeof RTCPeerConnection !== 'undefined';
    const small: Quality = { width: 1280, height: 720, frameRate: 30, videoBitrate: 1_000_000 };
    const websocket = typeof AudioWorkletNode !== 'undefined' && (await videoConfig(small)) !== undefined;
    return { websocket, whip, ...(websocket || whip ? {} : { problem: 'no-encoder' as const }) };
  }

  /**
   * Loads the encoders and begins to read the stream, so that start() is quick. Call it when the person
   * looks at the picture, and again for another stream; stop() releases everything. It is not needed.
   */
  async prepare(stream: MediaStream, settings: StartSettings = {}): Promise<void> {
    if (await this.#direct() && this.#state === 'idle') await this.#use(stream, settings);
  }

  /** Whether the page encodes by itself. */
  async #direct(): Promise<boolean> {
    const support = await this.supported();
    if (support.problem === 'insecure') throw new GoLiveError('insecure', 'the page must be served over HTTPS, or from localhost');
    const wanted = this.#options.transport ?? 'auto';
    const direct = support.websocket && wanted !== 'whip';
    if (!direct && !(support.whip && wanted !== 'websocket')) throw new GoLiveError('no-encoder', 'this browser cannot encode H.264');
    return direct;
  }

  /** Reads the stream, for the encoders that are loaded meanwhile. */
  #use(stream: MediaStream, settings: StartSettings): Promise<void> {
    const track = stream.getVideoTracks()[0];
    if (!track || track.readyState !== 'live') throw new GoLiveError('camera-denied', 'the stream has no picture');
    if (!this.#capture) {
      this.#capture = new Capture(this.#scripts, (message) => this.#worker(message));
      this.#capture.prepare(qualityFor(track.getSettings(), settings), audioBitrate);
    }
    if (this.#prepared !== stream) this.#using = this.#capture.use(stream);
    this.#prepared = stream;
    this.#using.catch(() => undefined); // start awaits it
    return this.#using;
  }

  /**
   * Creates a broadcast and sends the stream; resolves when the server has admitted it. Call it from
   * the tap on a button, or there is no sound until the person touches the page. A failed start ends
   * what it has created.
   */
  async start(stream: MediaStream, settings: StartSettings = {}): Promise<Broadcast> {
    if (this.#state !== 'idle') throw new GoLiveError('internal', 'this broadcast was started before');
    this.#setState('creating');
    try {
      return await this.#begin(stream, settings);
    } catch (error) {
      const problem = error instanceof GoLiveError ? error : new GoLiveError('internal', String(error));
      const id = this.#broadcast?.id;
      if (id) void this.#api.end(id).catch(() => undefined);
      this.#fail(problem);
      throw problem;
    }
  }

  async #begin(stream: MediaStream, settings: StartSettings): Promise<Broadcast> {
    const direct = await this.#direct();
    const track = stream.getVideoTracks()[0];
    if (!track || track.readyState !== 'live') throw new GoLiveError('camera-denied', 'the stream has no picture');
    // The encoders are loaded while the server is asked.
    const using = direct ? this.#use(stream, settings) : undefined;
    const title = settings.title ?? this.#options.title;
    const broadcast = await this.#api.create({ ...settings, ...(title === undefined ? {} : { title }) }, crypto.randomUUID());
    this.#broadcast = broadcast;
    await using;
    this.#setState('connecting');
    const quality = qualityFor(track.getSettings(), settings, broadcast.recommendedSettings);
    if (direct && broadcast.ingest.websocket) await this.#connectSocket(broadcast, quality);
    else if (typeof RTCPeerConnection !== 'undefined' && broadcast.ingest.whip) await this.#connectWhip(broadcast, stream, quality);
    else throw new GoLiveError('no-encoder', direct ? 'the server takes no broadcasts from browsers' : 'this browser cannot encode H.264, and the server has no WHIP');
    this.#connected = true;
    this.#setState('starting');
    void follow(this.#api, broadcast.id, {
      state: (state) => this.#serverState(state),
      viewers: (count) => this.#emit('viewers', { count }),
      health: (issues) => this.#emit('health', { issues }),
    }, this.#following.signal);
    return broadcast;
  }

  #connectSocket(broadcast: Broadcast, quality: Quality): Promise<void> {
    const url = new URL(broadcast.ingest.websocket!, this.#root);
    url.protocol = url.protocol.replace('http', 'ws');
    const protocols = ['golive.flv', ...(broadcast.streamKey ? [`golive.key.${broadcast.streamKey}`] : [])];
    return new Promise((resolve, reject) => {
      this.#admitted = { resolve, reject };
      this.#capture!.connect(url.href, protocols, quality);
    });
  }

  async #connectWhip(broadcast: Broadcast, stream: MediaStream, quality: Quality): Promise<void> {
    this.#capture?.close();
    this.#capture = this.#prepared = undefined;
    this.#whip = new WhipPublisher(new URL(broadcast.ingest.whip!, this.#root), broadcast.streamKey ?? broadcast.id, {
      lost: (reason) => this.#lost(reason),
      restored: () => this.#restored(),
      failed: (code, message, retry) => this.#fail(new GoLiveError(code, message, retry)),
    });
    await this.#whip.start(stream, quality.videoBitrate);
  }

  /** Ends the preview: everybody can watch from now on. */
  async publish(): Promise<void> {
    await this.#api.publish(this.#id());
  }

  /** Sends the tracks of another stream from now on. The old tracks are not stopped. */
  async replaceTracks(stream: MediaStream): Promise<void> {
    if (this.#capture) await this.#use(stream, {});
    await this.#whip?.replaceTracks(stream);
  }

  async setTitle(title: string): Promise<void> {
    const id = this.#id();
    await this.#api.setTitle(id, title);
    if (this.#broadcast) this.#broadcast = { ...this.#broadcast, title };
  }

  /** Sends what is encoded and ends the broadcast. The tracks of the page are not stopped. */
  async stop(): Promise<void> {
    if (this.#state === 'ended' || this.#state === 'failed') return;
    if (this.#state === 'idle') {
      this.#close(); // what prepare has loaded
      return this.#setState('ended');
    }
    const id = this.#broadcast?.id;
    this.#following.abort();
    if (this.#capture) await this.#stopWorker(this.#capture);
    await this.#whip?.stop();
    this.#close();
    try {
      if (id) await this.#api.end(id, true);
    } finally {
      this.#setState('ended');
    }
  }

  #stopWorker(capture: Capture): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, stopLimit);
      this.#workerStopped = () => {
        clearTimeout(timer);
        resolve();
      };
      capture.stop();
    });
  }

  #id(): string {
    if (!this.#broadcast) throw new GoLiveError('internal', 'there is no broadcast yet');
    return this.#broadcast.id;
  }

  #worker(message: FromWorker): void {
    switch (message.type) {
      case 'started':
        if (!this.#admitted) return this.#restored();
        this.#admitted.resolve();
        this.#admitted = undefined;
        break;
      case 'lost': return this.#lost(message.reason);
      case 'failed': return this.#fail(new GoLiveError(message.code, message.message, message.retry));
      case 'adapt': return this.#emit('adapt', message.detail);
      case 'stats':
        this.#stats = message.stats;
        break;
      case 'stopped': this.#workerStopped?.();
    }
  }

  #lost(reason: string): void {
    this.#connected = false;
    this.#setState('reconnecting', reason);
  }

  #restored(): void {
    this.#connected = true;
    this.#serverState(this.#told);
  }

  // The server's state, except that it learns of a lost connection later than the page.
  #serverState(state: string): void {
    this.#told = state;
    if (state === 'ended') {
      this.#close();
      this.#setState('ended', 'the server has ended the broadcast');
    } else if (!this.#connected) {
      return;
    } else if (state === 'live' || state === 'preview' || state === 'reconnecting') {
      this.#setState(state);
    } else {
      this.#setState('starting');
    }
  }

  #fail(error: GoLiveError): void {
    const admitted = this.#admitted;
    this.#admitted = undefined;
    if (admitted) return admitted.reject(error); // start() fails, and calls this again
    if (this.#state === 'ended' || this.#state === 'failed') return;
    this.#close();
    if (this.#state === 'idle') return; // start() tries it again, and then tells
    this.#setState(error.code === 'ended' && this.#told !== '' ? 'ended' : 'failed', error.message);
    this.#emit('error', { code: error.code, message: error.message, retry: error.retry });
  }

  #close(): void {
    this.#following.abort();
    this.#capture?.close();
    this.#capture = this.#prepared = undefined;
    void this.#whip?.stop();
    this.#whip = undefined;
    this.#connected = false;
  }

  #setState(state: GoLiveState, reason?: string): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#emit('state', reason ? { state, reason } : { state });
  }

  #emit<K extends keyof GoLiveEvents>(type: K, detail: GoLiveEvents[K]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
