// Runs in the audio thread: sends the microphone's samples to the encoder's worker.

/** Samples of each message: as many as an AAC frame has. */
const blockSize = 1024;
const channelCount = 2;

declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

class Microphone extends AudioWorkletProcessor {
  #out: MessagePort | undefined;
  #block = this.#empty();
  #filled = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<MessagePort>) => {
      this.#out = data;
    };
  }

  #empty(): Float32Array<ArrayBuffer>[] {
    return Array.from({ length: channelCount }, () => new Float32Array(blockSize));
  }

  // Called for each 128 samples. Without a source the input is empty: that is silence.
  process([input = []]: Float32Array<ArrayBuffer>[][]): boolean {
    const size = input[0]?.length ?? 128;
    this.#block.forEach((channel, i) => {
      const from = input[i] ?? input[0];
      if (from) channel.set(from, this.#filled);
    });
    this.#filled += size;
    if (this.#filled >= blockSize) {
      this.#out?.postMessage(this.#block, this.#block.map((channel) => channel.buffer));
      this.#block = this.#empty();
      this.#filled = 0;
    }
    return true;
  }
}

registerProcessor('golive-microphone', Microphone);
