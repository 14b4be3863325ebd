import assert from 'node:assert/strict';
import test from 'node:test';
import { API, rootOf } from '../src/golive/api.ts';
import { qualityFor } from '../src/golive/quality.ts';
import { EventParser } from '../src/golive/sse.ts';
import { GoLiveError } from '../src/golive/types.ts';

test('events are read from pieces of any size', () => {
  const text = ': keep-alive\n\nevent: state\ndata: {"state":"live"}\n\nevent: viewers\r\ndata: 1\r\ndata:2\r\n\r\ndata\n\nevent: none\n\n';
  const want = [{ type: 'state', data: '{"state":"live"}' }, { type: 'viewers', data: '1\n2' }, { type: 'message', data: '' }];
  for (let size = 1; size <= text.length; size++) {
    const parser = new EventParser();
    const got = [];
    for (let at = 0; at < text.length; at += size) got.push(...parser.push(text.slice(at, at + size)));
    assert.deepEqual(got, want, `pieces of ${size}`);
  }
});

test('an event without an end is an error', () => {
  const parser = new EventParser();
  assert.throws(() => {
    for (let i = 0; i < 3; i++) parser.push('x'.repeat(1 << 19));
  }, RangeError);
});

test('addresses are below the prefix', () => {
  assert.equal(rootOf('https://a.example/base', 'https://b.example/x').href, 'https://a.example/base/');
  assert.equal(rootOf('../', 'https://b.example/base/golive/x').href, 'https://b.example/base/');
  assert.equal(rootOf(undefined, 'https://b.example/base/golive?x#y').href, 'https://b.example/base/');
});

function answering(...answers: (Response | Error)[]) {
  const asked: { url: string; init: RequestInit }[] = [];
  const fetcher = async (url: URL, init: RequestInit): Promise<Response> => {
    asked.push({ url: url.href, init });
    const answer = answers.shift();
    if (!answer || answer instanceof Error) throw answer ?? new Error('unexpected');
    return answer;
  };
  const api = new API(new URL('https://live.example/base/'), async () => 'TOKEN', fetcher as unknown as typeof fetch);
  return { api, asked };
}

test('a request that got lost is repeated with the same key', async () => {
  const told = { id: 'b1', state: 'created', stream_key: 'k', ingest: { websocket: 'wss://live.example/base/v1/broadcasts/b1/publish', whip: null } };
  const { api, asked } = answering(new TypeError('offline'), Response.json(told, { status: 201 }));
  const broadcast = await api.create({ title: 'Tea', width: 3 }, 'once');
  assert.equal(broadcast.streamKey, 'k');
  assert.equal(broadcast.ingest.whip, null);
  assert.equal(asked.length, 2);
  for (const { url, init } of asked) {
    assert.equal(url, 'https://live.example/base/v1/broadcasts');
    const headers = init.headers as Record<string, string>;
    assert.equal(headers['Idempotency-Key'], 'once');
    assert.equal(headers.Authorization, 'Bearer TOKEN');
    assert.equal(init.body, '{"title":"Tea"}');
  }
});

test('problems have stable codes', async () => {
  for (const [status, code, retry] of [[401, 'unauthorized', false], [403, 'not-allowed', false], [429, 'limit', true], [503, 'unavailable', true], [422, 'refused', false]] as const) {
    const { api } = answering(Response.json({ detail: 'why' }, { status }));
    await assert.rejects(api.may(), (error: unknown) => error instanceof GoLiveError && error.code === code && error.retry === retry && error.message === 'why');
  }
});

test('a picture is within what the camera gives and the server wants', () => {
  const limited = { video: { codec: '', profile: '', width: 854, height: 480, frameRate: 30, bitrate: 1, maxBitrate: 1_000_000, keyFrameInterval: 2 }, audio: { codec: '', profile: '', bitrate: 1, sampleRate: 1, channels: 2 } };
  assert.deepEqual(qualityFor({ width: 640, height: 480, frameRate: 30 }, {}), { width: 640, height: 480, frameRate: 30, videoBitrate: 829_440 });
  assert.equal(qualityFor({ width: 1920, height: 1080, frameRate: 60 }, {}).height, 720);
  const small = qualityFor({ width: 1920, height: 1080, frameRate: 30 }, {}, limited);
  assert.deepEqual([small.width, small.height, small.videoBitrate], [854, 480, 750_000]);
  assert.deepEqual([qualityFor({ width: 1080, height: 1920 }, {}).width, qualityFor({ width: 1080, height: 1920 }, {}).height], [720, 1280]);
  assert.equal(qualityFor({}, { videoBitrate: 1_000 }).videoBitrate, 1_000);
});
