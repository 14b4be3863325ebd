// Reads server-sent events with a token, which EventSource cannot send.

import { EventParser, type ServerEvent } from './golive/sse.ts';

/** The events of a stream until it ends. */
export async function* readEvents(url: string, token: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const headers = new Headers({ Accept: 'text/event-stream' });
  if (token) headers.set('Authorization', `Bearer ${token}`);
  const response = await fetch(url, { headers, signal, cache: 'no-store' });
  if (!response.ok || !response.body) throw new Error(`${url}: HTTP ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield* parser.push(value);
  }
}
