// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';
import { SoundSource } from '../src/golive/sound.ts';

// What the source reads of an AudioData: samples of each channel are its number.
class Data {
  closed = false;
  constructor(readonly numberOfChannels: number, readonly numberOfFrames = 4, readonly sampleRate = 48_000) {}
  copyTo(to: Float32Array, { planeIndex, format }: { planeIndex: number; format: string }): void {
    assert.equal(format, 'f32-planar');
    assert.ok(planeIndex < this.numberOfChannels);
    to.fill(planeIndex + 1);
  }
  close(): void {
    this.closed = true;
  }
}

const values = (samples: Float32Array[]): number[][] => samples.map((channel) => [...channel]);
const turn = (): Promise<void> => new Promise((done) => setTimeout(done, 5));

test('a track is read as two channels, and all that was read is closed', async () => {
  const sent = [new Data(1), new Data(2, 2), new Data(6, 1), new Data(2, 4, 44_100)];
  const got: number[][][] = [];
  new SoundSource(ReadableStream.from(sent), (samples) => got.push(values(samples)));
  await turn();
  assert.deepEqual(got, [[[1, 1, 1, 1], [1, 1, 1, 1]], [[1, 1], [2, 2]], [[1], [2]]]); // not the one of another rate
  assert.ok(sent.every((data) => data.closed));
});

test('a source that was closed passes on nothing more', async () => {
  let controller: ReadableStreamDefaultController;
  const track = new ReadableStream({ start: (c) => { controller = c; } });
  let got = 0;
  const source = new SoundSource(track, () => got++);
  controller.enqueue(new Data(2));
  await turn();
  source.close();
  assert.throws(() => controller.enqueue(new Data(2)));
  await turn();
  assert.equal(got, 1);

  const { port1, port2 } = new MessageChannel();
  const graph = new SoundSource(port2, () => got++);
  port1.postMessage([new Float32Array(4), new Float32Array(4)]);
  await turn();
  assert.equal(got, 2);
  graph.close();
  port1.postMessage([new Float32Array(4), new Float32Array(4)]);
  await turn();
  assert.equal(got, 2);
  port1.close();
});

test('a track that fails ends quietly', async () => {
  let got = 0;
  new SoundSource(new ReadableStream({ pull: (c) => c.error(new Error('ended')) }), () => got++);
  await turn();
  assert.equal(got, 0);
});
