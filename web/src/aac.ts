// The AAC encoder for browsers without one: a script of its own, which only they load.
// Its licences are in THIRD-PARTY.txt beside it.

import { registerAacEncoder } from '@mediabunny/aac-encoder';
import type { AacEncoder, AacOutput, AacSettings } from './golive/audio.ts';
import { registeredEncoder, type Packet, type PacketMetadata } from './golive/mediabunny.ts';
import { bytesOf } from './golive/video.ts';

/** The encoder's delay, in samples: its first frame is from before the first sample. */
const priming = 1024;
/** Seconds of samples that may wait; more are a machine that is too slow. */
const maxQueue = 2;

export async function createAacEncoder(settings: AacSettings, out: AacOutput, failed: (message: string) => void): Promise<AacEncoder> {
  registerAacEncoder();
  const encoder = registeredEncoder({
    codec: 'mp4a.40.2', sampleRate: settings.sampleRate, numberOfChannels: settings.channels, bitrate: settings.bitrate,
  });
  let config = new Uint8Array();
  let dropped = 0; // samples that the encoder, which counts those it got, has not seen
  encoder.onPacket = (packet: Packet, metadata: PacketMetadata) => {
    if (metadata.decoderConfig?.description) config = bytesOf(metadata.decoderConfig.description);
    out(packet.data, (packet.timestamp + (dropped - priming) / settings.sampleRate) * 1_000_000, config);
  };
  await encoder.init();
  let tail = Promise.resolve();
  let waiting = 0;
  let left = 0; // samples that were not taken since those that wait
  const queue = (work: () => Promise<void>): Promise<void> => {
    tail = tail.then(work).catch((error: unknown) => failed(`the AAC encoder failed: ${String(error)}`));
    return tail;
  };
  return {
    encode(samples, time) {
      const frames = samples[0]?.length ?? 0;
      if (waiting >= maxQueue * settings.sampleRate) {
        left += frames;
        return;
      }
      const before = left;
      left = 0;
      waiting += frames;
      void queue(async () => {
        dropped += before;
        await encoder.encode({
          timestamp: time / 1_000_000,
          numberOfFrames: frames,
          allocationSize: () => frames * samples.length * 4,
          copyTo: (to: Uint8Array) => interleave(samples, new Float32Array(to.buffer, to.byteOffset, frames * samples.length)),
        }).finally(() => { waiting -= frames; });
      });
    },
    flush: () => queue(() => encoder.flush()),
    close: () => encoder.close(),
  };
}

function interleave(samples: readonly Float32Array[], to: Float32Array): void {
  samples.forEach((channel, offset) => {
    for (let i = 0; i < channel.length; i++) to[i * samples.length + offset] = channel[i]!;
  });
}
