// Where the worker gets samples from: a track, or the worklet of an audio graph of the page.

/** Samples of each channel. */
export type Samples = Float32Array<ArrayBuffer>[];

/** Samples a second of all sound here. */
export const sampleRate = 48_000;
export const channelCount = 2;

/**
 * Passes samples on as they come. They are best read from the track itself: an audio graph has a buffer of its
 * own before it, which grows whenever the page is slow, and sound is late for good then.
 */
export class SoundSource {
  #port: MessagePort | undefined;
  #reader: ReadableStreamDefaultReader<AudioData> | undefined;

  constructor(from: MessagePort | ReadableStream<AudioData>, out: (samples: Samples) => void) {
    if (from instanceof MessagePort) {
      this.#port = from;
      from.onmessage = ({ data }: MessageEvent<Samples>) => out(data);
      return;
    }
    this.#reader = from.getReader();
    void this.#read(this.#reader, out);
  }

  async #read(reader: ReadableStreamDefaultReader<AudioData>, out: (samples: Samples) => void): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        if (reader === this.#reader && value.sampleRate === sampleRate) out(samplesOf(value));
        value.close();
      }
    } catch {
      // The track has ended: the server fills in silence.
    }
  }

  close(): void {
    this.#port?.close();
    void this.#reader?.cancel().catch(() => undefined);
    this.#port = this.#reader = undefined;
  }
}

/** The first two channels; one counts as both. */
function samplesOf(data: AudioData): Samples {
  return Array.from({ length: channelCount }, (_, i) => {
    const samples = new Float32Array(data.numberOfFrames);
    data.copyTo(samples, { planeIndex: Math.min(i, data.numberOfChannels - 1), format: 'f32-planar' });
    return samples;
  });
}
