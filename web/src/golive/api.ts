// The server's REST API, as far as a broadcaster needs it.

import { EventParser, type ServerEvent } from './sse.ts';
import { GoLiveError, type Broadcast, type GoLiveErrorCode, type GoLiveOptions, type Permission, type StartSettings } from './types.ts';

/** The root of the server with a slash at its end, so that paths below it resolve. */
export function rootOf(baseUrl: string | undefined, page: string): URL {
  const root = new URL(baseUrl ?? './', page);
  root.search = root.hash = '';
  if (!root.pathname.endsWith('/')) root.pathname += '/';
  return root;
}

/** The code of a response that is not a success. */
function codeOf(status: number): GoLiveErrorCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'not-allowed';
  if (status === 404 || status === 410) return 'ended';
  if (status === 429) return 'limit';
  if (status >= 500) return 'unavailable';
  return 'refused';
}

interface Told {
  [name: string]: unknown;
}

const object = (value: unknown): Told => (typeof value === 'object' && value !== null ? value : {}) as Told;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
const address = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** The broadcast that an answer tells of. */
export function broadcastOf(told: Told): Broadcast {
  const at = object(told.ingest);
  const playback = object(told.playback);
  const settings = object(told.recommended_settings);
  const video = object(settings.video);
  const audio = object(settings.audio);
  return {
    id: text(told.id), state: text(told.state), title: text(told.title),
    ...(told.stream_key ? { streamKey: text(told.stream_key) } : {}),
    ingest: { rtmp: address(at.rtmp), rtmps: address(at.rtmps), websocket: address(at.websocket), whip: address(at.whip) },
    playback: { hls: text(playback.hls), ts: text(playback.ts), watch: text(playback.watch), embed: text(playback.embed) },
    recommendedSettings: {
      video: {
        codec: text(video.codec), profile: text(video.profile), width: number(video.width), height: number(video.height),
        frameRate: number(video.frame_rate), bitrate: number(video.bitrate), maxBitrate: number(video.max_bitrate),
        keyFrameInterval: number(video.key_frame_interval),
      },
      audio: {
        codec: text(audio.codec), profile: text(audio.profile), bitrate: number(audio.bitrate),
        sampleRate: number(audio.sample_rate), channels: number(audio.channels),
      },
    },
  };
}

export class API {
  readonly #root: URL;
  readonly #token: GoLiveOptions['token'];
  readonly #fetch: typeof fetch;

  constructor(root: URL, token: GoLiveOptions['token'], fetcher: typeof fetch = (input, init) => fetch(input, init)) {
    this.#root = root;
    this.#token = token;
    this.#fetch = fetcher;
  }

  async may(): Promise<Permission> {
    const told = await this.#json('GET', 'v1/golive');
    return {
      allowed: told.allowed === true,
      reason: text(told.reason),
      ...(told.variant ? { variant: text(told.variant) } : {}),
      ...(told.fallback_url ? { fallbackUrl: text(told.fallback_url) } : {}),
    };
  }

  /** Creates a broadcast. A request that got lost is repeated once, which makes nothing twice. */
  async create(settings: StartSettings, idempotencyKey: string): Promise<Broadcast> {
    const body: Told = {};
    for (const name of ['title', 'visibility', 'preview', 'channel', 'test'] as const) {
      if (settings[name] !== undefined) body[name] = settings[name];
    }
    const post = (): Promise<Told> => this.#json('POST', 'v1/broadcasts', body, { 'Idempotency-Key': idempotencyKey });
    const told = await post().catch((error: unknown) => {
      if (error instanceof GoLiveError && error.code !== 'network') throw error;
      return post();
    });
    return broadcastOf(told);
  }

  async publish(id: string): Promise<void> {
    await this.#json('POST', `${this.#path(id)}/publish`);
  }

  /** Ends a broadcast. `keepalive` lets the request outlive the page. */
  async end(id: string, keepalive = false): Promise<void> {
    await this.#json('POST', `${this.#path(id)}/end`, undefined, {}, keepalive);
  }

  async setTitle(id: string, title: string): Promise<void> {
    await this.#json('PATCH', this.#path(id), { title });
  }

  /** The events of a broadcast, until the response ends. */
  async *events(id: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
    const response = await this.#request('GET', `${this.#path(id)}/events`, { Accept: 'text/event-stream' }, { signal });
    if (!response.body) return;
    const parser = new EventParser();
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield* parser.push(decoder.decode(value, { stream: true }));
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }

  #path(id: string): string {
    return `v1/broadcasts/${encodeURIComponent(id)}`;
  }

  async #json(method: string, path: string, body?: Told, headers: Record<string, string> = {}, keepalive = false): Promise<Told> {
    const init: RequestInit = { keepalive };
    if (body) {
      init.body = JSON.stringify(body);
      headers = { ...headers, 'Content-Type': 'application/json' };
    }
    const response = await this.#request(method, path, headers, init);
    return object(await response.json().catch(() => ({})));
  }

  async #request(method: string, path: string, headers: Record<string, string>, init: RequestInit): Promise<Response> {
    const token = typeof this.#token === 'function' ? await this.#token() : this.#token;
    if (token) headers = { ...headers, Authorization: `Bearer ${token}` };
    let response: Response;
    try {
      response = await this.#fetch(new URL(path, this.#root), { ...init, method, headers, cache: 'no-store', credentials: 'omit' });
    } catch (error) {
      throw new GoLiveError('network', `the server cannot be reached: ${String(error)}`, true);
    }
    if (response.ok) return response;
    const problem = object(await response.json().catch(() => ({})));
    const code = codeOf(response.status);
    throw new GoLiveError(code, text(problem.detail) || `the server answered ${response.status}`, code === 'limit' || code === 'unavailable');
  }
}
