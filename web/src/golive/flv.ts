// FLV tags (Adobe Flash Video File Format Specification 10.1, annex E): what the server takes as one
// message each.

const scriptTag = 18;
const videoTag = 9;
const audioTag = 8;

/** An AAC tag is always said to be 44 kHz, 16 bits, stereo; the truth is in its configuration. */
const aacHeader = 0xaf;

/** A whole tag: its header of 11 bytes and its data. `timestamp` is in milliseconds. */
function tag(type: number, timestamp: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size >= 1 << 24) throw new RangeError('a tag is too large');
  const time = Math.max(0, Math.round(timestamp)) >>> 0;
  const all = new Uint8Array(11 + size);
  all.set([
    type, size >> 16, (size >> 8) & 255, size & 255,
    (time >> 16) & 255, (time >> 8) & 255, time & 255, time >>> 24, // the highest byte comes last
    0, 0, 0,
  ]);
  let at = 11;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The tag's time in milliseconds. */
export function timestampOf(bytes: Uint8Array): number {
  return ((bytes[7]! << 24) | (bytes[4]! << 16) | (bytes[5]! << 8) | bytes[6]!) >>> 0;
}

/** AVC sequence header: the decoder's configuration. */
export const videoConfigTag = (timestamp: number, record: Uint8Array): Uint8Array<ArrayBuffer> =>
  tag(videoTag, timestamp, new Uint8Array([0x17, 0, 0, 0, 0]), record);

/** One picture. Without B-frames its composition time is 0. */
export const videoTagOf = (timestamp: number, key: boolean, units: Uint8Array): Uint8Array<ArrayBuffer> =>
  tag(videoTag, timestamp, new Uint8Array([key ? 0x17 : 0x27, 1, 0, 0, 0]), units);

/** AAC sequence header: the AudioSpecificConfig. */
export const audioConfigTag = (timestamp: number, config: Uint8Array): Uint8Array<ArrayBuffer> =>
  tag(audioTag, timestamp, new Uint8Array([aacHeader, 0]), config);

/** One raw AAC frame. */
export const audioTagOf = (timestamp: number, frame: Uint8Array): Uint8Array<ArrayBuffer> =>
  tag(audioTag, timestamp, new Uint8Array([aacHeader, 1]), frame);

export interface MetaData {
  [name: string]: number | string | boolean;
}

/** onMetaData, in AMF0. */
export function metaDataTag(timestamp: number, values: MetaData): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(values);
  const parts = [new Uint8Array([2]), name('onMetaData'), new Uint8Array([8, 0, 0, 0, entries.length])];
  for (const [key, value] of entries) parts.push(name(key), amf(value));
  parts.push(new Uint8Array([0, 0, 9]));
  return tag(scriptTag, timestamp, ...parts);
}

// A text of at most 65535 bytes, with its length before it.
function name(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text).subarray(0, 65_535);
  return new Uint8Array([bytes.length >> 8, bytes.length & 255, ...bytes]);
}

function amf(value: number | string | boolean): Uint8Array {
  if (typeof value === 'boolean') return new Uint8Array([1, value ? 1 : 0]);
  if (typeof value === 'string') return new Uint8Array([2, ...name(value)]);
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setFloat64(1, value);
  return bytes;
}
