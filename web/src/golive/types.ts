// The public types of the client.

export type GoLiveState =
  | 'idle' | 'creating' | 'connecting' | 'preview' | 'starting' | 'live' | 'reconnecting' | 'ended' | 'failed';

/** Stable codes of errors: a page words them for people. */
export type GoLiveErrorCode =
  | 'insecure' // the page is not served over HTTPS or from localhost
  | 'no-encoder' // this browser has no encoder that the server can take
  | 'not-allowed' // the rollout does not let this user go live
  | 'camera-denied' // the stream has no track that is live
  | 'unauthorized' // the token or the stream key is not valid
  | 'ended' // the broadcast has ended on the server
  | 'taken' // another publisher has the broadcast
  | 'refused' // the server refused the broadcast or its media
  | 'limit' // a limit of the server was reached
  | 'unavailable' // the server is overloaded or stopping
  | 'network' // the server could not be reached
  | 'internal';

/** An error with a stable code. `retry` tells whether trying again later may help. */
export class GoLiveError extends Error {
  readonly code: GoLiveErrorCode;
  readonly retry: boolean;

  constructor(code: GoLiveErrorCode, message: string, retry = false) {
    super(message);
    this.name = 'GoLiveError';
    this.code = code;
    this.retry = retry;
  }
}

export interface GoLiveOptions {
  /** The root of the server, absolute or relative to the page: "https://live.example.com/base/". Default: the page's folder. */
  baseUrl?: string;
  /** The token of the user, or a function that returns a fresh one for each request. */
  token?: string | (() => Promise<string>);
  title?: string;
  /** The encoder's script. Default: encoder.worker.js beside this script. */
  workerUrl?: string | URL;
  /** The AAC encoder for browsers without one, loaded only there. Default: aac.js beside this script. */
  aacEncoderUrl?: string | URL;
  transport?: 'auto' | 'websocket' | 'whip';
}

export interface StartSettings {
  title?: string;
  visibility?: 'public' | 'unlisted' | 'private';
  /** Only the owner can watch until publish() is called. */
  preview?: boolean;
  channel?: string;
  test?: boolean;
  /** Pixels. Default: what the camera gives, within the server's recommended settings. */
  width?: number;
  height?: number;
  frameRate?: number;
  /** Bits per second. */
  videoBitrate?: number;
}

export interface Permission {
  allowed: boolean;
  reason: string;
  variant?: string;
  fallbackUrl?: string;
}

export interface Support {
  websocket: boolean;
  whip: boolean;
  /** Why neither works. */
  problem?: 'insecure' | 'no-encoder';
}

export interface Ingest {
  rtmp: string | null;
  rtmps: string | null;
  websocket: string | null;
  whip: string | null;
}

export interface Playback {
  hls: string;
  ts: string;
  watch: string;
  embed: string;
}

export interface RecommendedSettings {
  video: { codec: string; profile: string; width: number; height: number; frameRate: number; bitrate: number; maxBitrate: number; keyFrameInterval: number };
  audio: { codec: string; profile: string; bitrate: number; sampleRate: number; channels: number };
}

export interface Broadcast {
  id: string;
  state: string;
  /** The secret of the encoder. It is told once. */
  streamKey?: string;
  title: string;
  ingest: Ingest;
  playback: Playback;
  recommendedSettings: RecommendedSettings;
}

/** A condition of the incoming stream, as the server measures it. */
export interface HealthIssue {
  type: string;
  severity: 'error' | 'warning' | 'info';
  since: string;
  reason: string;
  measured: string;
  advised: string;
  advice: string;
}

export interface Stats {
  /** What the video encoder is set to, bits per second; 0 before it runs. */
  videoBitrate: number;
  /** What is encoded, frames per second. */
  frameRate: number;
  width: number;
  height: number;
  /** Frames that were not sent since the start, to keep the delay short. */
  droppedFrames: number;
  /** How far the server is behind the encoder. */
  delayMs: number;
  sentBytes: number;
}

/** Why the quality was changed: the upload is slow, or has recovered. */
export interface AdaptDetail {
  videoBitrate: number;
  frameRate: number;
  width: number;
  height: number;
  why: 'upload-slow' | 'upload-better';
}

/** The `detail` of each event. */
export interface GoLiveEvents {
  state: { state: GoLiveState; reason?: string };
  health: { issues: HealthIssue[] };
  viewers: { count: number };
  adapt: AdaptDetail;
  error: { code: GoLiveErrorCode; message: string; retry: boolean };
}
