// From samples to AAC in the worker, with the browser's encoder where it has one that works, else
// with the WebAssembly one, which is loaded only then.

import { isPlausible } from './aacconfig.ts';
import { SoundClock } from './clock.ts';
import type { Samples } from './sound.ts';
import { bytesOf } from './video.ts';

export interface AacFrame {
  /** Milliseconds of the broadcast. */
  timestamp: number;
  data: Uint8Array;
  config: Uint8Array;
}

export interface AacSettings {
  sampleRate: number;
  channels: number;
  bitrate: number;
}

/** An encoder. Times are in microseconds of the samples that came. */
export interface AacEncoder {
  encode(samples: Samples, time: number): void;
  flush(): Promise<void>;
  close(): void;
}

export type AacOutput = (data: Uint8Array, time: number, config: Uint8Array) => void;

/** What aac.js exports. */
export interface AacModule {
  createAacEncoder(settings: AacSettings, out: AacOutput, failed: (message: string) => void): Promise<AacEncoder>;
}

/** The browser's encoder, or undefined if it has none that works. */
async function nativeEncoder(settings: AacSettings, out: AacOutput, failed: (message: string) => void): Promise<AacEncoder | undefined> {
  if (typeof AudioEncoder === 'undefined') return undefined;
  const config = { codec: 'mp4a.40.2', sampleRate: settings.sampleRate, numberOfChannels: settings.channels, bitrate: settings.bitrate };
  try {
    if (!(await AudioEncoder.isConfigSupported(config)).supported || !(await encodesPlausibly(config))) return undefined;
  } catch {
    return undefined; // some browsers throw for what they do not know
  }
  let description = new Uint8Array();
  const encoder = new AudioEncoder({
    output: (chunk, metadata) => {
      if (metadata?.decoderConfig?.description) description = bytesOf(metadata.decoderConfig.description);
      const data = new Uint8Array(chunk.byteLength);
      chunk.copyTo(data);
      out(data, chunk.timestamp, description);
    },
    error: (error) => failed(`the audio encoder failed: ${error.message}`),
  });
  encoder.configure(config);
  return {
    encode(samples, time) {
      if (encoder.state !== 'configured') return;
      const data = audioData(samples, settings.sampleRate, time);
      encoder.encode(data);
      data.close();
    },
    flush: () => encoder.flush(),
    close: () => encoder.close(),
  };
}

function audioData(samples: Samples, sampleRate: number, time: number): AudioData {
  const frames = samples[0]?.length ?? 0;
  const data = new Float32Array(frames * samples.length);
  samples.forEach((channel, i) => data.set(channel, i * frames));
  return new AudioData({ format: 'f32-planar', sampleRate, numberOfFrames: frames, numberOfChannels: samples.length, timestamp: Math.round(time), data });
}

/** Encodes a little silence: some browsers say that they can, and then give a wrong configuration. */
async function encodesPlausibly(config: AudioEncoderConfig): Promise<boolean> {
  let plausible = false;
  const probe = new AudioEncoder({
    output: (_, metadata) => {
      const description = metadata?.decoderConfig?.description;
      if (description) plausible ||= isPlausible(bytesOf(description), config.sampleRate, config.numberOfChannels);
    },
    error: () => undefined,
  });
  try {
    probe.configure(config);
    const silence = Array.from({ length: config.numberOfChannels }, () => new Float32Array(4_096));
    const data = audioData(silence, config.sampleRate, 0);
    probe.encode(data);
    data.close();
    await probe.flush();
  } finally {
    if (probe.state !== 'closed') probe.close();
  }
  return plausible;
}

export class AudioPipeline {
  #encoder: AacEncoder | undefined;
  #clock = new SoundClock();
  #position = 0; // samples that came
  #last = -1;
  readonly #settings: AacSettings;

  private constructor(settings: AacSettings, private readonly now: () => number, private readonly out: (frame: AacFrame) => void) {
    this.#settings = settings;
  }

  /** Makes an encoder of the browser or, from the script at `aacUrl`, one of our own. */
  static async create(
    settings: AacSettings, aacUrl: string, now: () => number, out: (frame: AacFrame) => void, failed: (message: string) => void,
  ): Promise<AudioPipeline> {
    const pipeline = new AudioPipeline(settings, now, out);
    const encoded: AacOutput = (data, time, config) => pipeline.#encoded(data, time, config);
    pipeline.#encoder = await nativeEncoder(settings, encoded, failed);
    if (!pipeline.#encoder) {
      const module = (await import(aacUrl)) as AacModule;
      pipeline.#encoder = await module.createAacEncoder(settings, encoded, failed);
    }
    return pipeline;
  }

  /** By how much sound is ahead of the common clock, in milliseconds. */
  get drift(): number {
    return this.#clock.drift;
  }

  /** Encodes samples, the last of which has just arrived. */
  take(samples: Samples): void {
    const { sampleRate } = this.#settings;
    const time = this.#position / sampleRate;
    this.#position += samples[0]?.length ?? 0;
    this.#clock.observe((this.#position / sampleRate) * 1_000, this.now());
    this.#encoder?.encode(samples, time * 1_000_000);
  }

  #encoded(data: Uint8Array, time: number, config: Uint8Array): void {
    const timestamp = this.#clock.at(time / 1_000);
    if (timestamp <= this.#last || data.length === 0) return;
    this.#last = timestamp;
    this.out({ timestamp, data, config });
  }

  async stop(): Promise<void> {
    await this.#encoder?.flush().catch(() => undefined);
    this.#encoder?.close();
  }
}
