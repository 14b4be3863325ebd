// A publication in the worker: encoders, tags, connection, and what to encode for the upload.

import { Adaptation, type Quality } from './adapt.ts';
import { AudioPipeline, type AacFrame } from './audio.ts';
import { audioConfigTag, audioTagOf, metaDataTag, videoConfigTag, videoTagOf } from './flv.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { PublishSocket, type Socket } from './socket.ts';
import { channelCount, sampleRate, SoundSource } from './sound.ts';
import { TrackProcessorClass, VideoPipeline, type Picture } from './video.ts';

/** Between two looks at the upload, in milliseconds. */
const tickInterval = 100;
const statsInterval = 1_000;
/** For how long a lost connection is made again, in milliseconds: the server ends the broadcast sooner. */
const reconnectWindow = 120_000;
/** Before a new connection is judged, in milliseconds: its first acknowledgement takes time. */
const graceTime = 1_500;

export class Publisher {
  readonly #zero = performance.now();
  readonly #now = (): number => performance.now() - this.#zero;
  readonly #video: VideoPipeline;
  #audio: Promise<AudioPipeline> | undefined;
  #sound: AudioPipeline | undefined; // once it is there
  #microphone: SoundSource | undefined;
  #prepared: Quality | undefined;
  #socket: PublishSocket | undefined;
  #adaptation: Adaptation | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #sent: { metaData?: boolean; record?: Uint8Array; config?: Uint8Array } = {}; // headers of this connection
  #aacConfig: Uint8Array | undefined;
  #waitForKey = true; // pictures are left out until the next key frame
  #skipping = false;
  #startedAt = 0; // when this connection was admitted
  #stats = { at: 0, encoded: 0, left: 0 };

  constructor(private readonly post: (message: FromWorker) => void) {
    const failed = (message: string): void => post({ type: 'failed', code: 'internal', message, retry: false });
    this.#video = new VideoPipeline(this.#now, () => this.#sound?.drift ?? 0, (picture) => this.#picture(picture), failed);
  }

  async take(message: ToWorker): Promise<void> {
    switch (message.type) {
      case 'prepare': return this.#prepare(message.quality, message.audioBitrate, message.aacUrl);
      case 'connect': return this.#connect(message.url, message.protocols, message.quality);
      case 'video': return this.#source(message.frames, message.track);
      case 'frame': return this.#video.frame(message.frame);
      case 'sound': return this.#listen(message.from);
      case 'stop': return this.#stop();
    }
  }

  async #prepare(quality: Quality, bitrate: number, aacUrl: string): Promise<void> {
    const failed = (message: string): void => this.post({ type: 'failed', code: 'internal', message, retry: false });
    this.#audio = AudioPipeline.create({ sampleRate, channels: channelCount, bitrate }, aacUrl, this.#now, (frame) => this.#frame(frame), failed);
    this.#audio.then((audio) => { this.#sound = audio; }, (error: unknown) => this.post({
      type: 'failed', code: 'no-encoder', message: `the AAC encoder cannot be loaded: ${String(error)}`, retry: false,
    }));
    this.#prepared = quality;
    if (!(await this.#video.configure(quality))) {
      this.post({ type: 'failed', code: 'no-encoder', message: 'this browser cannot encode H.264', retry: false });
    }
  }

  async #connect(url: string, protocols: string[], quality: Quality): Promise<void> {
    this.#adaptation = new Adaptation(quality);
    if (!sameQuality(quality, this.#prepared)) await this.#video.configure(quality);
    this.#socket = new PublishSocket({
      connect: () => new WebSocket(url, protocols) as unknown as Socket,
      timers: { now: this.#now, after: (ms, call) => setTimeout(call, ms), cancel: (timer) => clearTimeout(timer as number) },
      window: reconnectWindow,
      events: {
        started: () => this.#started(),
        lost: (reason) => this.post({ type: 'lost', reason }),
        failed: (code, message, retry) => this.post({ type: 'failed', code, message, retry }),
      },
    });
    this.#timer = setInterval(() => this.#tick(), tickInterval);
  }

  // Samples that come before there is an encoder are dropped: they are older than the first picture.
  #listen(from: MessagePort | ReadableStream<AudioData>): void {
    this.#microphone?.close();
    this.#microphone = new SoundSource(from, (samples) => this.#sound?.take(samples));
  }

  #source(frames?: ReadableStream<VideoFrame>, track?: MediaStreamTrack): void {
    if (track && TrackProcessorClass) frames = new TrackProcessorClass({ track }).readable;
    this.#video.source(frames);
  }

  // A new connection begins with headers and a key frame.
  #started(): void {
    this.#sent = {};
    this.#startedAt = this.#now();
    this.#waitForKey = true;
    this.#video.wanted = true;
    this.#video.requestKeyFrame();
    this.post({ type: 'started' });
  }

  // What comes before the first picture of a connection, with its time.
  #sendHeaders(timestamp: number): void {
    const { width, height, frameRate, videoBitrate } = this.#adaptation!.quality;
    this.#sent.metaData = true;
    this.#socket!.send(metaDataTag(timestamp, {
      width, height, framerate: frameRate, videocodecid: 7, videodatarate: videoBitrate / 1_000,
      audiocodecid: 10, audiosamplerate: sampleRate, stereo: channelCount === 2, encoder: 'golive-client',
    }));
    if (this.#aacConfig) this.#sendAacConfig(timestamp, this.#aacConfig);
  }

  #picture(picture: Picture): void {
    if (!this.#socket?.open) return;
    if (this.#skipping || (this.#waitForKey && !picture.key)) {
      this.#stats.left++;
      return;
    }
    this.#waitForKey = false;
    if (!this.#sent.metaData) this.#sendHeaders(picture.timestamp);
    if (this.#sent.record !== picture.record) {
      this.#sent.record = picture.record;
      this.#socket.send(videoConfigTag(picture.timestamp, picture.record));
    }
    this.#socket.send(videoTagOf(picture.timestamp, picture.key, picture.units));
  }

  #frame(frame: AacFrame): void {
    this.#aacConfig = frame.config;
    if (!this.#socket?.open || !this.#sent.metaData) return; // a connection begins with a picture
    if (this.#sent.config !== frame.config) this.#sendAacConfig(frame.timestamp, frame.config);
    this.#socket.send(audioTagOf(frame.timestamp, frame.data));
  }

  #sendAacConfig(timestamp: number, config: Uint8Array): void {
    this.#sent.config = config;
    this.#socket!.send(audioConfigTag(timestamp, config));
  }

  #tick(): void {
    const socket = this.#socket!;
    const now = this.#now();
    this.#video.tick();
    socket.check();
    if (socket.open && now - this.#startedAt >= graceTime) {
      const meter = socket.meter;
      const decision = this.#adaptation!.decide({
        now, delay: meter.delay(now), buffered: socket.buffered, throughput: meter.throughput(now),
      });
      if (this.#skipping && !decision.skip) this.#video.requestKeyFrame();
      this.#waitForKey ||= decision.skip;
      this.#skipping = decision.skip;
      if (decision.why) {
        void this.#video.configure(decision.quality);
        this.post({ type: 'adapt', detail: { ...decision.quality, why: decision.why } });
      }
    }
    if (now - this.#stats.at >= statsInterval) this.#report(now);
  }

  #report(now: number): void {
    const { encoded, dropped } = this.#video.counts;
    const { videoBitrate, width, height } = this.#adaptation!.quality;
    const frameRate = ((encoded - this.#stats.encoded) * 1_000) / (now - this.#stats.at);
    this.#stats.at = now;
    this.#stats.encoded = encoded;
    this.post({
      type: 'stats',
      stats: {
        videoBitrate, frameRate: Math.round(frameRate * 10) / 10, width, height, droppedFrames: dropped + this.#stats.left,
        delayMs: Math.round(this.#socket!.meter.delay(now)), sentBytes: this.#socket!.sentBytes,
      },
    });
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#video.stop();
    this.#microphone?.close();
    await this.#audio?.then((audio) => audio.stop()).catch(() => undefined);
    await this.#socket?.stop();
    this.post({ type: 'stopped' });
  }
}

function sameQuality(a: Quality, b: Quality | undefined): boolean {
  return a.width === b?.width && a.height === b.height && a.frameRate === b.frameRate && a.videoBitrate === b.videoBitrate;
}
