// Reads server-sent events with a token, which EventSource cannot send.

export interface ServerEvent {
  name: string;
  data: unknown;
}

const MAX_EVENT = 1 << 20; // characters

/** The events in a text: those that are whole, and the rest. */
export function split(text: string): { events: ServerEvent[]; rest: string } {
  const blocks = text.split(/\r?\n\r?\n/);
  const rest = blocks.pop() ?? '';
  const events: ServerEvent[] = [];
  for (const block of blocks) {
    let name = 'message';
    const data: string[] = [];
    for (const line of block.split(/\r?\n/)) {
      const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
      if (field === 'event') name = value;
      if (field === 'data') data.push(value);
    }
    if (data.length > 0) events.push({ name, data: JSON.parse(data.join('\n')) });
  }
  return { events, rest };
}

/** The events of a stream until it ends. */
export async function* readEvents(url: string, token: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const headers = new Headers({ Accept: 'text/event-stream' });
  if (token) headers.set('Authorization', `Bearer ${token}`);
  const response = await fetch(url, { headers, signal, cache: 'no-store' });
  if (!response.ok || !response.body) throw new Error(`${url}: HTTP ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const { events, rest } = split(text + value);
    if (rest.length > MAX_EVENT) throw new Error(`${url}: an event is too long`);
    text = rest;
    yield* events;
  }
}
