import assert from 'node:assert/strict';
import test from 'node:test';
import { audioTagOf } from '../src/golive/flv.ts';
import { PublishSocket, type Socket } from '../src/golive/socket.ts';

class FakeSocket implements Socket {
  binaryType = '';
  bufferedAmount = 0;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  sent: Uint8Array[] = [];
  closed: number | undefined;
  send(data: Uint8Array): void { this.sent.push(data); }
  close(code?: number): void { this.closed = code; }
  says(message: object): void { this.onmessage?.({ data: JSON.stringify(message) }); }
  ends(code: number, reason = ''): void { this.onclose?.({ code, reason }); }
}

/** Time that the test moves. */
class FakeTime {
  #now = 0;
  #timers = new Set<{ at: number; call: () => void }>();
  now = (): number => this.#now;
  after = (ms: number, call: () => void): unknown => {
    const timer = { at: this.#now + ms, call };
    this.#timers.add(timer);
    return timer;
  };
  cancel = (timer: unknown): void => { this.#timers.delete(timer as { at: number; call: () => void }); };
  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.call();
    }
    this.#now = end;
  }
}

function setUp(window = 60_000) {
  const sockets: FakeSocket[] = [];
  const told: string[] = [];
  const time = new FakeTime();
  const socket = new PublishSocket({
    connect: () => {
      const made = new FakeSocket();
      sockets.push(made);
      return made;
    },
    timers: time, window,
    events: {
      started: () => told.push('started'),
      lost: () => told.push('lost'),
      failed: (code, _, retry) => told.push(`failed ${code} ${retry}`),
    },
  });
  return { socket, sockets, told, time };
}

const tag = (ms: number): Uint8Array<ArrayBuffer> => audioTagOf(ms, new Uint8Array(100));

test('nothing is sent before the server has admitted the publication', () => {
  const { socket, sockets, told } = setUp();
  socket.send(tag(1));
  assert.equal(sockets[0]!.sent.length, 0);
  sockets[0]!.says({ type: 'started' });
  socket.send(tag(20));
  assert.equal(sockets[0]!.sent.length, 1);
  assert.deepEqual(told, ['started']);
});

test('a lost connection is made again, sooner at first', () => {
  const { socket, sockets, told, time } = setUp();
  sockets[0]!.says({ type: 'started' });
  sockets[0]!.ends(1006);
  assert.deepEqual(told, ['started', 'lost']);
  time.pass(250);
  assert.equal(sockets.length, 2);
  sockets[1]!.ends(1006);
  time.pass(499);
  assert.equal(sockets.length, 2);
  time.pass(1);
  assert.equal(sockets.length, 3);
  sockets[2]!.says({ type: 'started' });
  socket.send(tag(5_000));
  assert.equal(sockets[2]!.sent.length, 1);
  assert.deepEqual(told, ['started', 'lost', 'started']);
});

test('the publication goes on after ten lost connections in a row', () => {
  const { sockets, told, time } = setUp();
  for (let i = 0; i < 10; i++) {
    sockets.at(-1)!.says({ type: 'started' });
    sockets.at(-1)!.ends(1006);
    time.pass(250);
    assert.equal(sockets.length, i + 2);
  }
  assert.ok(!told.some((line) => line.startsWith('failed')));
});

test('permanent codes are final', () => {
  for (const [code, want] of [[4400, 'internal'], [4401, 'unauthorized'], [4403, 'refused'], [4410, 'ended'], [4413, 'limit'], [4415, 'refused']] as const) {
    const { sockets, told, time } = setUp();
    sockets[0]!.says({ type: 'started' });
    sockets[0]!.ends(code);
    time.pass(100_000);
    assert.equal(sockets.length, 1);
    assert.deepEqual(told, ['started', `failed ${want} false`]);
  }
});

test('other codes are tried again', () => {
  for (const code of [1001, 1006, 1012, 4408, 4409, 4429, 4500, 4503]) {
    const { sockets, told, time } = setUp();
    sockets[0]!.says({ type: 'started' });
    sockets[0]!.ends(code);
    time.pass(250);
    assert.equal(sockets.length, 2, `${code}`);
    assert.deepEqual(told, ['started', 'lost']);
  }
});

test('it gives up after the window', () => {
  const { sockets, told, time } = setUp(20_000);
  sockets[0]!.says({ type: 'started' });
  sockets[0]!.ends(1006);
  for (let i = 0; i < 30; i++) {
    time.pass(1_000);
    if (sockets.at(-1)!.onclose && !told.some((line) => line.startsWith('failed'))) sockets.at(-1)!.ends(1006);
  }
  assert.equal(told.at(-1), 'failed network true');
  const made = sockets.length;
  time.pass(60_000);
  assert.equal(sockets.length, made);
});

test('a server that stops acknowledging is given up, and one that never answers', () => {
  const { socket, sockets, told, time } = setUp();
  sockets[0]!.says({ type: 'started' });
  socket.send(tag(20));
  time.pass(8_001);
  socket.check();
  assert.deepEqual(told, ['started', 'lost']);
  assert.equal(sockets[0]!.closed, 4000);
  time.pass(250);
  assert.equal(sockets.length, 2);
  time.pass(10_500);
  assert.equal(sockets.length, 3);
});

test('acknowledgements tell how long media is under way', () => {
  const { socket, sockets, time } = setUp();
  sockets[0]!.says({ type: 'started' });
  assert.equal(socket.meter.delay(time.now()), 0);
  for (let ms = 1_000; ms <= 2_000; ms += 100) {
    socket.send(tag(ms));
    time.pass(100);
  }
  assert.equal(socket.meter.delay(time.now()), 1_100);
  sockets[0]!.says({ type: 'ack', timestamp: 1_700 });
  assert.equal(socket.meter.delay(time.now()), 300);
  sockets[0]!.onmessage?.({ data: 'no JSON' });
  assert.equal(socket.meter.delay(time.now()), 300);
});

test('sound that is behind the picture does not count as delay', () => {
  const { socket, sockets, time } = setUp();
  sockets[0]!.says({ type: 'started' });
  for (const ms of [1_000, 600, 1_033, 621]) socket.send(tag(ms));
  time.pass(50);
  sockets[0]!.says({ type: 'ack', timestamp: 621 });
  assert.equal(socket.meter.delay(time.now()), 0);
  socket.check();
  time.pass(60_000);
  socket.check();
  assert.equal(sockets.length, 1);
});

test('stop closes with 1000 and waits for the server', async () => {
  const { socket, sockets, told } = setUp();
  sockets[0]!.says({ type: 'started' });
  let waiting = true;
  const stopped = socket.stop().then(() => { waiting = false; });
  assert.equal(sockets[0]!.closed, 1000);
  await new Promise((resolve) => { setImmediate(resolve); });
  assert.ok(waiting, 'stop did not wait for the close event');
  sockets[0]!.ends(1000);
  await stopped;
  assert.deepEqual(told, ['started']);
});
