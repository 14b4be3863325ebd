// Server-sent events, read from a response, since an EventSource cannot send a token.

export interface ServerEvent {
  type: string;
  data: string;
}

/** A line or an event that is longer than this is an error. */
const maxText = 1 << 20;

/** Makes events of the text of a stream, which comes in pieces of any size. */
export class EventParser {
  #rest = '';
  #type = '';
  #data: string[] = [];
  #size = 0;

  /** Returns the events that the piece completes. */
  push(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    this.#rest += text;
    for (;;) {
      const end = this.#rest.search(/[\r\n]/);
      // A CR at the very end may be the first half of a CR LF.
      if (end < 0 || (this.#rest[end] === '\r' && end + 1 === this.#rest.length)) break;
      const line = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + (this.#rest.startsWith('\r\n', end) ? 2 : 1));
      const event = this.#line(line);
      if (event) events.push(event);
    }
    if (this.#rest.length > maxText) throw new RangeError('an event is too long');
    return events;
  }

  #line(line: string): ServerEvent | undefined {
    if (line === '') {
      const event = { type: this.#type || 'message', data: this.#data.join('\n') };
      const has = this.#data.length > 0;
      this.#type = '';
      this.#data = [];
      this.#size = 0;
      return has ? event : undefined;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.#type = value;
    if (name === 'data') {
      this.#size += value.length;
      if (this.#size > maxText) throw new RangeError('an event is too long');
      this.#data.push(value);
    }
    return undefined;
  }
}
