// What the page and the encoder's worker tell each other.

import type { Quality } from './adapt.ts';
import type { AdaptDetail, GoLiveErrorCode, Stats } from './types.ts';

export type ToWorker =
  /** Loads the encoders, so that the start is quick. */
  | { type: 'prepare'; quality: Quality; audioBitrate: number; aacUrl: string }
  | { type: 'connect'; url: string; protocols: string[]; quality: Quality }
  /** Another camera or screen: as a stream of frames, as a track (Safari), or as single frames that follow. */
  | { type: 'video'; frames?: ReadableStream<VideoFrame>; track?: MediaStreamTrack }
  | { type: 'frame'; frame: VideoFrame }
  /** Another microphone: as a stream of samples, or as the port of a worklet that sends Samples. */
  | { type: 'sound'; from: MessagePort | ReadableStream<AudioData> }
  | { type: 'stop' };

export type FromWorker =
  | { type: 'started' }
  | { type: 'lost'; reason: string }
  | { type: 'failed'; code: GoLiveErrorCode; message: string; retry: boolean }
  | { type: 'adapt'; detail: AdaptDetail }
  | { type: 'stats'; stats: Stats }
  | { type: 'stopped' };
