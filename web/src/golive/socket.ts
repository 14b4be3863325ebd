// The WebSocket to the server: one FLV tag in each message, acknowledgements back, and another
// connection when it is lost. It does not know what is in the tags.

import { timestampOf } from './flv.ts';
import type { GoLiveErrorCode } from './types.ts';

/** What the server's close codes mean. Only those without `retry` are final. */
const closeCodes: Readonly<Record<number, { code: GoLiveErrorCode; retry: boolean }>> = {
  1012: { code: 'unavailable', retry: true },
  4400: { code: 'internal', retry: false },
  4401: { code: 'unauthorized', retry: false },
  4403: { code: 'refused', retry: false },
  4408: { code: 'network', retry: true },
  4409: { code: 'taken', retry: true },
  4410: { code: 'ended', retry: false },
  4413: { code: 'limit', retry: false },
  4415: { code: 'refused', retry: false },
  4429: { code: 'limit', retry: true },
  4500: { code: 'internal', retry: true },
  4503: { code: 'unavailable', retry: true },
};

/** Between two attempts, in milliseconds: the first is soon, the last ones are far apart. */
const firstWait = 250;
const maxWait = 2_000;
/** A connection that is neither admitted nor refused after this is lost, in milliseconds. */
const openLimit = 10_000;
/** Without an acknowledgement of what was sent for so long, the connection is lost, in milliseconds. */
const ackLimit = 8_000;
/** After stop, the last tags have so long to arrive, in milliseconds. */
const closeLimit = 3_000;

/** The parts of a WebSocket that are used; tests have another one. */
export interface Socket {
  binaryType: string;
  readonly bufferedAmount: number;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export interface Timers {
  now(): number;
  after(ms: number, call: () => void): unknown;
  cancel(timer: unknown): void;
}

export interface SocketEvents {
  /** The server has admitted the publication. The next tags must be headers, then a key frame. */
  started(): void;
  /** The connection was lost, and another one is being made. */
  lost(reason: string): void;
  /** There will be no other connection. */
  failed(code: GoLiveErrorCode, reason: string, retry: boolean): void;
}

export interface SocketOptions {
  connect(): Socket;
  timers: Timers;
  events: SocketEvents;
  /** For how long a lost connection is made again, in milliseconds. */
  window: number;
}

/** A publication over one connection after another. */
export class PublishSocket {
  readonly #options: SocketOptions;
  #socket: Socket | undefined;
  #started = false;
  #stopped = false;
  #everStarted = false;
  #wait = firstWait;
  #lostAt: number | undefined;
  #timer: unknown;
  #acks = new AckMeter();
  #sentBytes = 0;

  constructor(options: SocketOptions) {
    this.#options = options;
    this.#open();
  }

  /** Whether tags can be sent. */
  get open(): boolean {
    return this.#started;
  }

  /** What waits in the browser, in bytes. */
  get buffered(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** What was sent over all connections. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  get meter(): AckMeter {
    return this.#acks;
  }

  /** Sends a tag; without a connection it is dropped. */
  send(tag: Uint8Array<ArrayBuffer>): void {
    if (!this.#started || !this.#socket) return;
    this.#socket.send(tag);
    this.#sentBytes += tag.length;
    this.#acks.sent(timestampOf(tag), tag.length, this.#options.timers.now());
  }

  /** Called from time to time: gives up a connection on which nothing arrives any more. */
  check(): void {
    if (this.#started && this.#acks.silentFor(this.#options.timers.now()) > ackLimit) this.#drop('the server does not acknowledge');
  }

  /** Ends the publication. Resolves when the server has what was sent, or after three seconds. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#options.timers.cancel(this.#timer);
    const socket = this.#socket;
    if (!socket) return Promise.resolve();
    this.#started = false;
    return new Promise((resolve) => {
      const limit = this.#options.timers.after(closeLimit, resolve);
      socket.onclose = () => {
        this.#options.timers.cancel(limit);
        resolve();
      };
      socket.close(1000, 'stopped');
    });
  }

  #open(): void {
    const socket = this.#options.connect();
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => this.#message(data);
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    this.#timer = this.#options.timers.after(openLimit, () => this.#drop('the server does not answer'));
  }

  #message(data: unknown): void {
    const message = parse(data);
    if (message.type === 'started' && !this.#started) {
      this.#options.timers.cancel(this.#timer);
      this.#started = this.#everStarted = true;
      this.#wait = firstWait;
      this.#lostAt = undefined;
      this.#acks = new AckMeter();
      this.#options.events.started();
    }
    if (message.type === 'ack' && typeof message.timestamp === 'number') this.#acks.acked(message.timestamp, this.#options.timers.now());
  }

  // Leaves a connection without waiting until the browser has closed it, which can take a minute.
  #drop(reason: string): void {
    const socket = this.#socket;
    if (!socket) return;
    socket.onclose = socket.onmessage = null;
    socket.close(4000, 'no answer');
    this.#closed(1006, reason);
  }

  #closed(code: number, reason: string): void {
    const { timers, events, window } = this.#options;
    timers.cancel(this.#timer);
    this.#socket = undefined;
    const wasStarted = this.#started;
    this.#started = false;
    if (this.#stopped) return;
    const meaning = closeCodes[code] ?? { code: 'network' as const, retry: true };
    const now = timers.now();
    this.#lostAt ??= now;
    // A first connection is not tried for long: somebody waits for it.
    const patience = this.#everStarted ? window : Math.min(window, openLimit);
    if (!meaning.retry || now - this.#lostAt + this.#wait > patience) {
      this.#stopped = true;
      events.failed(meaning.code, reason || `the connection was closed (${code})`, meaning.retry);
      return;
    }
    if (wasStarted) events.lost(reason);
    const wait = code === 1012 ? Math.min(this.#wait, firstWait) : this.#wait;
    this.#wait = Math.min(maxWait, this.#wait * 2);
    this.#timer = timers.after(wait, () => this.#open());
  }
}

interface Message {
  type?: unknown;
  timestamp?: unknown;
}

function parse(data: unknown): Message {
  if (typeof data !== 'string') return {};
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** How many tags are remembered at most until they are acknowledged. */
const maxUnacked = 10_000;
/** The throughput is the mean of this time, in milliseconds. */
const meterWindow = 700;

/** Measures the upload by what the server acknowledges. */
export class AckMeter {
  #unacked: { timestamp: number; size: number; at: number }[] = []; // in the order in which they were sent
  #acked: { at: number; bytes: number }[] = [];
  #silentSince: number | undefined;

  sent(timestamp: number, size: number, now: number): void {
    if (this.#unacked.length === 0) this.#silentSince = now;
    if (this.#unacked.length < maxUnacked) this.#unacked.push({ timestamp, size, at: now });
  }

  /** The server has the tag with that timestamp, and so all before it: sound is often behind the picture. */
  acked(timestamp: number, now: number): void {
    const count = this.#unacked.findLastIndex((tag) => tag.timestamp === timestamp) + 1;
    const bytes = this.#unacked.splice(0, count).reduce((sum, { size }) => sum + size, 0);
    this.#silentSince = this.#unacked.length > 0 ? now : undefined;
    this.#acked.push({ at: now, bytes });
    while (this.#acked.length > 0 && now - this.#acked[0]!.at > 2 * meterWindow) this.#acked.shift();
  }

  /** For how long the oldest media that the server does not have is under way, in milliseconds. */
  delay(now: number): number {
    return this.#unacked.length === 0 ? 0 : now - this.#unacked[0]!.at;
  }

  /** For how long what was sent is not acknowledged, in milliseconds. */
  silentFor(now: number): number {
    return this.#silentSince === undefined ? 0 : now - this.#silentSince;
  }

  /** What arrived lately, in bits per second; undefined before there is enough to tell. */
  throughput(now: number): number | undefined {
    const lately = this.#acked.filter(({ at }) => now - at <= meterWindow);
    if (lately.length < 3) return undefined;
    // The first acknowledgement only begins the time that is measured.
    const time = Math.max(now - lately[0]!.at, 1);
    return (lately.slice(1).reduce((sum, { bytes }) => sum + bytes, 0) * 8_000) / time;
  }
}
