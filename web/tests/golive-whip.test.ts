// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';
import { WhipPublisher } from '../src/golive/whip.ts';

const times = { interruption: 20, wait: 1, longest: 4, window: 2_000 };
const turn = (ms = 5): Promise<void> => new Promise((done) => setTimeout(done, ms));
const video = { kind: 'video' };
const stream = { getTracks: () => [video] };

// What the publisher uses of a connection, which is connected when it has the answer.
class Peer extends EventTarget {
  static all: Peer[] = [];
  connectionState = 'new';
  iceGatheringState = 'complete';
  localDescription = { sdp: 'offer' };
  onconnectionstatechange: (() => void) | null = null;
  closed = false;
  constructor() {
    super();
    Peer.all.push(this);
  }
  addTransceiver(): unknown {
    const sender = { getParameters: () => ({ encodings: [{}] }), setParameters: async () => undefined, replaceTrack: async () => undefined };
    return { sender, setCodecPreferences: () => undefined };
  }
  async setLocalDescription(): Promise<void> {}
  async setRemoteDescription(): Promise<void> {
    setTimeout(() => this.become('connected'));
  }
  become(state: string): void {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
    this.onconnectionstatechange?.();
  }
  close(): void {
    this.closed = true;
  }
}

// Answers requests with statuses, and then with 201; 0 is no answer. Returns what is asked for and told.
async function publishing(...statuses: number[]): Promise<{ publisher: WhipPublisher; asked: string[]; told: string[] }> {
  Peer.all = [];
  const asked: string[] = [];
  const told: string[] = [];
  globalThis.RTCPeerConnection = Peer;
  globalThis.RTCRtpSender = { getCapabilities: () => ({ codecs: [] }) };
  globalThis.fetch = async (url: URL, { method }: { method: string }) => {
    asked.push(`${method} ${url.pathname}`);
    const status = method === 'DELETE' ? 200 : (asked.length === 1 ? 201 : statuses.shift() ?? 201);
    if (status === 0) throw new TypeError('offline');
    return new Response(status === 201 ? 'answer' : 'no', { status, headers: { Location: `/v1/whip/${asked.length}` } });
  };
  const publisher = new WhipPublisher(new URL('http://server/v1/whip'), 'key', {
    lost: (reason) => told.push(`lost: ${reason}`),
    restored: () => told.push('restored'),
    failed: (code) => told.push(`failed: ${code}`),
  }, times);
  await publisher.start(stream, 1_000_000);
  return { publisher, asked, told };
}

test('a short interruption ends by itself', async () => {
  const { publisher, asked, told } = await publishing();
  Peer.all[0].become('disconnected');
  await turn();
  Peer.all[0].become('connected');
  await turn(2 * times.interruption);
  assert.deepEqual(told, ['lost: the connection is interrupted', 'restored']);
  assert.deepEqual(asked, ['POST /v1/whip']);
  await publisher.stop();
  assert.deepEqual(asked, ['POST /v1/whip', 'DELETE /v1/whip/1']);
  assert.ok(Peer.all[0].closed);
});

test('a lost connection is replaced, after as many attempts as that takes', async () => {
  for (const state of ['disconnected', 'failed']) {
    const { publisher, asked, told } = await publishing(0, 409, 503);
    Peer.all[0].become(state);
    await turn(3 * times.interruption + 50);
    assert.deepEqual(told.slice(1), ['restored'], state);
    assert.deepEqual(asked, Array(5).fill('POST /v1/whip')); // the old session is not deleted, which would end the broadcast
    assert.deepEqual(Peer.all.map(({ closed }) => closed), [true, true, true, true, false]);
    await publisher.stop();
    assert.equal(asked.at(-1), 'DELETE /v1/whip/5');
  }
});

test('a final refusal by the server is reported', async () => {
  for (const [status, code] of [[410, 'ended'], [401, 'unauthorized'], [403, 'refused']]) {
    const { told } = await publishing(503, status);
    Peer.all[0].become('failed');
    await turn(50);
    assert.deepEqual(told, ['lost: the connection was lost', `failed: ${code}`]);
  }
});

test('attempts to reconnect end after the window, and when the publisher is stopped', async () => {
  const { told } = await publishing(...Array(100).fill(0));
  const { window } = times;
  times.window = 30;
  Peer.all[0].become('failed');
  await turn(100);
  times.window = window;
  assert.deepEqual(told, ['lost: the connection was lost', 'failed: network']);

  const { publisher, asked } = await publishing(...Array(100).fill(0));
  Peer.all[0].become('failed');
  await turn(20);
  await publisher.stop();
  const before = asked.length;
  await turn(50);
  assert.equal(asked.length, before);
});
