// GoLive broadcasts a MediaStream to a golive server.

import { GoLiveError } from './types.ts';
import type { Broadcast, GoLiveEvents, GoLiveOptions, GoLiveState, Permission, StartSettings, Stats, Support } from './types.ts';

export * from './types.ts';

/** A broadcast from the page. One object is one broadcast: make another one for the next. */
export class GoLive extends EventTarget {
  constructor(_options: GoLiveOptions = {}) {
    super();
  }

  get state(): GoLiveState { return 'idle'; }
  get broadcast(): Broadcast | undefined { return undefined; }
  get stats(): Stats { return { videoBitrate: 0, frameRate: 0, width: 0, height: 0, droppedFrames: 0, delayMs: 0, sentBytes: 0 }; }

  /** Listens for an event; the returned function ends that. */
  on<K extends keyof GoLiveEvents>(type: K, listener: (detail: GoLiveEvents[K]) => void): () => void {
    const call = (event: Event): void => listener((event as CustomEvent<GoLiveEvents[K]>).detail);
    this.addEventListener(type, call);
    return () => this.removeEventListener(type, call);
  }

  /** Whether the user may go live, and why. */
  async may(): Promise<Permission> { throw new GoLiveError('internal', 'not written yet'); }
  /** What this browser can broadcast with. */
  async supported(): Promise<Support> { throw new GoLiveError('internal', 'not written yet'); }
  /** Creates a broadcast and sends the stream; resolves when the server has admitted it. */
  async start(_stream: MediaStream, _settings: StartSettings = {}): Promise<Broadcast> { throw new GoLiveError('internal', 'not written yet'); }
  /** Ends the preview: everybody can watch from now on. */
  async publish(): Promise<void> {}
  /** Sends the tracks of another stream from now on. The old tracks are not stopped. */
  async replaceTracks(_stream: MediaStream): Promise<void> {}
  async setTitle(_title: string): Promise<void> {}
  /** Sends what is encoded and ends the broadcast. The tracks of the page are not stopped. */
  async stop(): Promise<void> {}
}
