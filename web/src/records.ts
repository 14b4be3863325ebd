// Broadcasts as the API describes them, as far as the pages show them.

export interface Rendition {
  name: string;
  width: number;
  height: number;
  frame_rate: number;
  bandwidth: number;
  average_bandwidth: number;
}

export interface Warning {
  code: string;
  text: string;
  since: string;
}

export interface BroadcastRecord {
  id: string;
  title: string;
  state: 'created' | 'preview' | 'starting' | 'live' | 'reconnecting' | 'ended';
  started_at: string | null;
  ended_at: string | null;
  playlist: string;
  replay: string | null;
  poster: string | null;
  viewers: number;
  storage_lag: number;
  warnings: Warning[];
  renditions: Rendition[];
  channel: string;
  visibility: string;
}

export interface Page {
  broadcasts: BroadcastRecord[];
  next?: string;
}

/** What people call a broadcast: its title, or else its id. */
export const nameOf = (b: { id: string; title?: string }): string => b.title || b.id;
