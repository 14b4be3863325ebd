// What arrives at the server of one broadcast: charts, and what the broadcaster should change.

import { accountToken, request } from './account.ts';
import { rootURL } from './address.ts';
import { Chart } from './chart.ts';
import * as format from './format.ts';
import { API } from './golive/api.ts';
import { follow } from './golive/follow.ts';
import type { HealthIssue } from './golive/types.ts';
import type { BroadcastRecord } from './records.ts';
import { sentence } from './words.ts';

const INTERVAL = 2000; // milliseconds between two values of a chart

/** One `<li>` for each issue, the worst first, or one that says that all is well. */
export function issueItems(issues: HealthIssue[]): HTMLLIElement[] {
  const rank = (i: HealthIssue): number => ['error', 'warning', 'info'].indexOf(i.severity);
  const items = [...issues].sort((a, b) => rank(a) - rank(b)).map((issue) => {
    const item = document.createElement('li');
    item.dataset.type = issue.type;
    item.append(Object.assign(document.createElement('b'), { textContent: sentence(issue.reason) }), sentence(issue.advice));
    return item;
  });
  if (items.length > 0) return items;
  return [Object.assign(document.createElement('li'), { className: 'is-good', textContent: 'All is well: there is nothing to change in the encoder.' })];
}

export class Incoming {
  #charts = {
    bitrate: new Chart('Bit rate', (v) => format.bitrate(v) || '–'),
    frames: new Chart('Pictures', (v) => (v > 0 ? `${format.frameRate(v)} fps` : '–')),
    viewers: new Chart('Viewers', (v) => String(v)),
    lag: new Chart('Waits to be stored', (v) => format.seconds(v)),
  };
  #issues: HTMLElement;
  #ended: () => void;
  #stop: AbortController | null = null;

  constructor(charts: HTMLElement, issues: HTMLElement, ended: () => void) {
    charts.append(...Object.values(this.#charts).map((c) => c.element));
    this.#issues = issues;
    this.#ended = ended;
  }

  /** Follows another broadcast, or none. */
  follow(id: string | null): void {
    this.#stop?.abort();
    this.#stop = null;
    this.#issues.replaceChildren();
    for (const chart of Object.values(this.#charts)) chart.clear();
    if (id === null) return;
    this.#stop = new AbortController();
    void this.#measure(id, this.#stop.signal);
    const api = new API(new URL(rootURL('')), async () => accountToken());
    void follow(api, id, {
      state: (state) => { if (state === 'ended') this.#ended(); },
      viewers: () => undefined, // they are measured with the rest
      health: (issues) => this.#issues.replaceChildren(...issueItems(issues)),
    }, this.#stop.signal);
  }

  async #measure(id: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const b = await request<BroadcastRecord>(`broadcasts/${encodeURIComponent(id)}`);
        if (signal.aborted) return;
        const main = format.mainRendition(b);
        this.#charts.bitrate.add(main?.average_bandwidth || main?.bandwidth || 0);
        this.#charts.frames.add(main?.frame_rate ?? 0);
        this.#charts.viewers.add(b.viewers);
        this.#charts.lag.add(b.storage_lag);
      } catch {
        // The next round asks again.
      }
      await pause(INTERVAL, signal);
    }
  }
}

/** Waits; an aborted wait ends at once. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
