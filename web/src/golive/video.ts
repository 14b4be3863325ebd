// From frames to H.264 in the worker. Frames come from a stream, a track or one by one; each becomes
// at most one picture. If none comes for a second, because the page is in the background or the
// camera stands still, the last one is repeated once a second, so that the broadcast goes on.

import type { Quality } from './adapt.ts';
import { codecsOf, isAnnexB, isRecord, joinUnits, recordOf, splitAnnexB } from './avc.ts';
import { MediaClock } from './clock.ts';

/** Between key frames, in milliseconds: what HLS segments are cut at. */
const keyFrameInterval = 2_000;
/** The second key frame comes sooner: players can begin when the first segment is complete, which is at least half a second. */
const firstKeyFrameInterval = 600;
/** Frames that may wait in the encoder; more are a machine that is too slow. */
const maxQueue = 3;
/** Without a frame for so long, the last one is repeated, in milliseconds. */
export const repeatAfter = 1_000;

export interface Picture {
  /** Milliseconds of the broadcast. */
  timestamp: number;
  key: boolean;
  units: Uint8Array;
  /** The decoder's configuration; another object means that it has changed. */
  record: Uint8Array;
}

/** MediaStreamTrackProcessor, which TypeScript does not know. */
export const TrackProcessorClass = (globalThis as unknown as {
  MediaStreamTrackProcessor?: new <Media = VideoFrame>(init: { track: MediaStreamTrack; maxBufferSize?: number }) => { readonly readable: ReadableStream<Media> };
}).MediaStreamTrackProcessor;

/** The first configuration that this browser can encode, or undefined. */
export async function videoConfig(quality: Quality): Promise<VideoEncoderConfig | undefined> {
  if (typeof VideoEncoder === 'undefined') return undefined;
  for (const bitrateMode of ['constant', 'variable'] as const) {
    for (const codec of codecsOf(quality.width, quality.height, quality.frameRate)) {
      const config: VideoEncoderConfig = {
        codec, width: quality.width, height: quality.height, bitrate: quality.videoBitrate, framerate: quality.frameRate,
        latencyMode: 'realtime', bitrateMode, avc: { format: 'avc' },
      };
      try {
        if ((await VideoEncoder.isConfigSupported(config)).supported) return config;
      } catch {
        // Some browsers throw for what they do not know.
      }
    }
  }
  return undefined;
}

export class VideoPipeline {
  #encoder: VideoEncoder | undefined;
  #config: VideoEncoderConfig | undefined;
  #record: Uint8Array | undefined;
  #clock = new MediaClock();
  #reader: ReadableStreamDefaultReader<VideoFrame> | undefined;
  #last: VideoFrame | undefined;
  #lastFrameAt = 0; // when the last frame came
  #lastTimestamp = -Infinity; // of the last picture
  #lastKey = -Infinity;
  #keyInterval = firstKeyFrameInterval;
  #from: number | undefined; // the first picture that is wanted
  #due = 0; // the next picture's time at a lower rate
  #wantKey = true;
  /** Until then, only the first frame is encoded, which starts the encoder. */
  wanted = false;
  readonly counts = { encoded: 0, dropped: 0 };

  constructor(
    private readonly now: () => number,
    private readonly drift: () => number, // what the broadcast's clock is behind now's
    private readonly out: (picture: Picture) => void,
    private readonly failed: (message: string) => void,
  ) {}

  /** Encodes like this from the next frame on. Returns whether the browser can. */
  async configure(quality: Quality): Promise<boolean> {
    const config = await videoConfig(quality);
    if (!config) return false;
    this.#config = config;
    if (!this.#encoder || this.#encoder.state === 'closed') this.#encoder = this.#make();
    this.#encoder.configure(config);
    this.#wantKey = true; // the first picture after configure must be one
    return true;
  }

  #make(): VideoEncoder {
    return new VideoEncoder({
      output: (chunk, metadata) => this.#encoded(chunk, metadata),
      error: (error) => this.failed(`the video encoder failed: ${error.message}`),
    });
  }

  /** The next picture will be a key frame. */
  requestKeyFrame(): void {
    this.#wantKey = true;
  }

  /** Takes frames from another source from now on. */
  source(frames: ReadableStream<VideoFrame> | undefined): void {
    void this.#reader?.cancel().catch(() => undefined);
    this.#reader = frames?.getReader();
    this.#clock.reset();
    this.#wantKey = true;
    if (this.#reader) void this.#read(this.#reader);
  }

  async #read(reader: ReadableStreamDefaultReader<VideoFrame>): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        if (reader === this.#reader) this.frame(value);
        else value.close();
      }
    } catch {
      // The track has ended; its last frame is repeated until there is another source.
    }
  }

  /** Encodes a frame, and closes it. */
  frame(frame: VideoFrame): void {
    const now = this.now();
    this.#clock.observe(frame.timestamp / 1_000, now);
    this.#lastFrameAt = now;
    this.#last?.close();
    this.#last = frame.clone();
    this.#encode(frame, this.#clock.at(frame.timestamp / 1_000) - this.drift());
  }

  /** Called from time to time: repeats the last frame if no other comes. */
  tick(): void {
    const now = this.now();
    if (!this.#last || now - this.#lastFrameAt < repeatAfter) return;
    this.#lastFrameAt = now;
    this.#due = 0;
    this.#encode(this.#last.clone(), now - this.drift());
  }

  #encode(frame: VideoFrame, timestamp: number): void {
    const encoder = this.#encoder;
    const interval = 1_000 / (this.#config?.framerate ?? 30);
    if (encoder?.state !== 'configured' || timestamp < this.#lastTimestamp + interval / 2 || timestamp < this.#due - interval / 2 ||
      (!this.wanted && this.#lastTimestamp > -Infinity)) {
      frame.close();
      return;
    }
    if (encoder.encodeQueueSize >= maxQueue) {
      this.counts.dropped++;
      frame.close();
      return;
    }
    this.#due = Math.max(this.#due + interval, timestamp);
    this.#lastTimestamp = timestamp;
    if (this.wanted) this.#from ??= timestamp;
    const due = timestamp - this.#lastKey >= this.#keyInterval - interval / 2;
    const keyFrame = this.#wantKey || due;
    if (due && this.#from !== undefined && this.#from < timestamp) this.#keyInterval = keyFrameInterval; // the second one
    if (keyFrame) this.#lastKey = timestamp;
    this.#wantKey = false;
    const stamped = new VideoFrame(frame, { timestamp: Math.round(timestamp * 1_000) });
    frame.close();
    encoder.encode(stamped, { keyFrame });
    stamped.close();
  }

  #encoded(chunk: EncodedVideoChunk, metadata: EncodedVideoChunkMetadata | undefined): void {
    let units = new Uint8Array(chunk.byteLength);
    chunk.copyTo(units);
    const description = metadata?.decoderConfig?.description;
    if (description) {
      const record = bytesOf(description);
      if (isRecord(record)) this.#setRecord(record);
    }
    if (isAnnexB(units)) {
      const split = splitAnnexB(units);
      const record = recordOf(split);
      if (record) this.#setRecord(record);
      units = joinUnits(split) as Uint8Array<ArrayBuffer>;
    }
    if (this.#from === undefined || chunk.timestamp / 1_000 < this.#from - 1) return;
    if (!this.#record) return; // nobody could decode it
    this.counts.encoded++;
    this.out({ timestamp: chunk.timestamp / 1_000, key: chunk.type === 'key', units, record: this.#record });
  }

  #setRecord(record: Uint8Array): void {
    const old = this.#record;
    if (!old || old.length !== record.length || old.some((byte, i) => byte !== record[i])) this.#record = record;
  }

  /** Encodes what waits, and ends. */
  async stop(): Promise<void> {
    this.source(undefined);
    if (this.#encoder?.state === 'configured') await this.#encoder.flush().catch(() => undefined);
    if (this.#encoder && this.#encoder.state !== 'closed') this.#encoder.close();
    this.#last?.close();
    this.#last = undefined;
  }
}

/** A copy of the bytes of a buffer or a view. */
export function bytesOf(source: AllowSharedBufferSource): Uint8Array<ArrayBuffer> {
  const view = ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
  return new Uint8Array(view);
}
