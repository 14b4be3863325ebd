// Follows what the server tells of a broadcast, for as long as it lasts.

import type { API } from './api.ts';
import { GoLiveError, type HealthIssue } from './types.ts';

const firstWait = 500;
const maxWait = 8_000;

export interface Follower {
  state(state: string): void;
  viewers(count: number): void;
  health(issues: HealthIssue[]): void;
}

/** Reads the events of a broadcast until it ends or the signal is aborted; a response that ends is asked for again. */
export async function follow(api: API, id: string, to: Follower, signal: AbortSignal): Promise<void> {
  for (let wait = firstWait; !signal.aborted; wait = Math.min(maxWait, wait * 2)) {
    try {
      for await (const { type, data } of api.events(id, signal)) {
        wait = firstWait;
        const told = JSON.parse(data) as { state?: string; viewers?: number; issues?: HealthIssue[] };
        if (type === 'state' && told.state) to.state(told.state);
        if (type === 'viewers') to.viewers(told.viewers ?? 0);
        if (type === 'health') to.health(told.issues ?? []);
        if (type === 'state' && told.state === 'ended') return;
      }
    } catch (error) {
      if (error instanceof GoLiveError && !error.retry) return; // without events the broadcast goes on
    }
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
