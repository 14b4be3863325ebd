// WHIP (RFC 9725): for browsers without WebCodecs. The browser encodes, and adapts to the upload. A
// connection that was lost is replaced by another one, which the server takes for the same broadcast.

import { GoLiveError, type GoLiveErrorCode } from './types.ts';

/** The offer is sent with the candidates that were found by then, in milliseconds. */
const gatherLimit = 1_000;
/** A connection that is not there after so long has failed, in milliseconds. */
const connectLimit = 15_000;

/** Times in milliseconds. */
export interface WhipTimes {
  /** For how long an interruption may end by itself. A browser waits for much longer than a broadcast does. */
  interruption: number;
  /** Before the second attempt to connect again; each later wait is twice as long, up to `longest`. */
  wait: number;
  longest: number;
  /** For how long it is tried: the server ends the broadcast sooner. */
  window: number;
}
const usualTimes: WhipTimes = { interruption: 2_000, wait: 500, longest: 8_000, window: 120_000 };

export interface WhipEvents {
  lost(reason: string): void;
  restored(): void;
  failed(code: GoLiveErrorCode, message: string, retry: boolean): void;
}

/** A publication over WebRTC. */
export class WhipPublisher {
  readonly #url: URL;
  readonly #key: string;
  readonly #events: WhipEvents;
  #peer: RTCPeerConnection | undefined;
  #resource: URL | undefined;
  #senders: { video?: RTCRtpSender; audio?: RTCRtpSender } = {};
  #stream: MediaStream | undefined;
  #maxBitrate = 0;
  #interrupted: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(url: URL, key: string, events: WhipEvents, private readonly times = usualTimes) {
    this.#url = url;
    this.#key = key;
    this.#events = events;
  }

  /** Connects; resolves when media flows. */
  async start(stream: MediaStream, maxBitrate: number): Promise<void> {
    this.#stream = stream;
    this.#maxBitrate = maxBitrate;
    await this.#connect();
  }

  async #connect(): Promise<void> {
    const peer = new RTCPeerConnection();
    this.#peer = peer;
    for (const kind of ['video', 'audio'] as const) {
      const track = this.#track(kind);
      if (!track) continue;
      const transceiver = peer.addTransceiver(track, { direction: 'sendonly', streams: [this.#stream!] });
      this.#senders[kind] = transceiver.sender;
      if (kind === 'video') preferH264(transceiver);
    }
    await peer.setLocalDescription();
    await gathered(peer);
    const answer = await this.#offer(peer.localDescription?.sdp ?? '');
    await peer.setRemoteDescription({ type: 'answer', sdp: answer });
    await this.#limit(this.#maxBitrate);
    await connected(peer);
    peer.onconnectionstatechange = () => this.#changed(peer);
  }

  #track(kind: 'video' | 'audio'): MediaStreamTrack | undefined {
    return this.#stream?.getTracks().find((track) => track.kind === kind);
  }

  async #offer(sdp: string): Promise<string> {
    let response: Response;
    try {
      response = await fetch(this.#url, {
        method: 'POST', body: sdp, credentials: 'omit',
        headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${this.#key}` },
      });
    } catch (error) {
      throw new GoLiveError('network', `the server cannot be reached: ${String(error)}`, true);
    }
    if (!response.ok) throw refusal(response.status);
    const location = response.headers.get('Location');
    if (location) this.#resource = new URL(location, response.url || this.#url);
    return response.text();
  }

  async #limit(maxBitrate: number): Promise<void> {
    const sender = this.#senders.video;
    if (!sender) return;
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings) encoding.maxBitrate = maxBitrate;
    await sender.setParameters(parameters).catch(() => undefined); // the limit is only a wish
  }

  #changed(peer: RTCPeerConnection): void {
    switch (peer.connectionState) {
      case 'connected':
        clearTimeout(this.#interrupted);
        return this.#events.restored();
      case 'disconnected':
        this.#events.lost('the connection is interrupted');
        this.#interrupted = setTimeout(() => void this.#reconnect(), this.times.interruption);
        return;
      case 'failed':
        this.#events.lost('the connection was lost');
        void this.#reconnect();
    }
  }

  // The old session is not deleted: that would end the broadcast.
  async #reconnect(): Promise<void> {
    clearTimeout(this.#interrupted);
    const until = performance.now() + this.times.window;
    for (let wait = this.times.wait; !this.#stopped; wait = Math.min(2 * wait, this.times.longest)) {
      this.#closePeer();
      try {
        await this.#connect();
        if (!this.#stopped) this.#events.restored();
        return;
      } catch (error) {
        if (this.#stopped) return;
        const problem = error instanceof GoLiveError ? error : new GoLiveError('internal', String(error));
        if (!problem.retry || performance.now() > until) return this.#events.failed(problem.code, problem.message, problem.retry);
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  async replaceTracks(stream: MediaStream): Promise<void> {
    this.#stream = stream;
    for (const kind of ['video', 'audio'] as const) await this.#senders[kind]?.replaceTrack(this.#track(kind) ?? null);
  }

  #closePeer(): void {
    if (this.#peer) this.#peer.onconnectionstatechange = null;
    this.#peer?.close();
    this.#peer = undefined;
  }

  /** Ends the session on the server, and the connection. */
  async stop(): Promise<void> {
    const resource = this.#resource;
    this.#resource = undefined;
    this.#stopped = true;
    clearTimeout(this.#interrupted);
    if (resource) {
      await fetch(resource, { method: 'DELETE', keepalive: true, credentials: 'omit', headers: { Authorization: `Bearer ${this.#key}` } })
        .catch(() => undefined); // the server sees that the connection ends
    }
    this.#closePeer();
  }
}

function refusal(status: number): GoLiveError {
  if (status === 401) return new GoLiveError('unauthorized', 'the stream key is not valid');
  if (status === 410) return new GoLiveError('ended', 'the broadcast has ended');
  if (status === 409) return new GoLiveError('taken', 'another publisher has the broadcast', true);
  if (status === 429) return new GoLiveError('limit', 'there are too many publishers', true);
  if (status >= 500) return new GoLiveError('unavailable', `the server answered ${status}`, true);
  return new GoLiveError('refused', `the server answered ${status}`);
}

// The server takes H.264 only; other codecs after it would only make the offer longer.
function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  const wanted = codecs.filter(({ mimeType }) => /\/(h264|rtx)$/i.test(mimeType));
  if (wanted.some(({ mimeType }) => /h264$/i.test(mimeType))) transceiver.setCodecPreferences(wanted);
}

function gathered(peer: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    if (peer.iceGatheringState === 'complete') return resolve();
    const timer = setTimeout(resolve, gatherLimit);
    peer.addEventListener('icegatheringstatechange', () => {
      if (peer.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      resolve();
    });
  });
}

function connected(peer: RTCPeerConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new GoLiveError('network', 'no connection to the server over WebRTC', true));
    const timer = setTimeout(fail, connectLimit);
    const look = (): void => {
      if (peer.connectionState === 'connected') resolve();
      else if (peer.connectionState === 'failed') fail();
      else return;
      clearTimeout(timer);
      peer.removeEventListener('connectionstatechange', look);
    };
    peer.addEventListener('connectionstatechange', look);
    look();
  });
}
