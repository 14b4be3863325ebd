// What @mediabunny/aac-encoder needs of mediabunny, so that the rest of that library is not loaded:
// the build gives it this module in place of "mediabunny".

export interface Packet {
  data: Uint8Array;
  /** Seconds. */
  timestamp: number;
}

export interface PacketMetadata {
  decoderConfig?: { description?: AllowSharedBufferSource };
}

/** The parts of an AudioSample that the encoder reads. */
export interface Sample {
  timestamp: number;
  numberOfFrames: number;
  allocationSize(): number;
  copyTo(to: Uint8Array): void;
}

export abstract class CustomAudioEncoder {
  codec = 'aac';
  config!: AudioEncoderConfig;
  onPacket: (packet: Packet, metadata: PacketMetadata) => void = () => undefined;
  abstract init(): Promise<void>;
  abstract encode(sample: Sample): Promise<void>;
  abstract flush(): Promise<void>;
  abstract close(): void;
}

export class EncodedPacket implements Packet {
  constructor(readonly data: Uint8Array, readonly type: string, readonly timestamp: number, readonly duration: number) {}
}

export class AudioSample {}

export const Logging = { _error: (...words: unknown[]): void => console.error(...words) };

type EncoderClass = (new () => CustomAudioEncoder) & { supports(codec: string, config: AudioEncoderConfig): boolean };

let registered: EncoderClass | undefined;

export function registerEncoder(encoder: EncoderClass): void {
  registered = encoder;
}

/** A new encoder of the class that was registered. */
export function registeredEncoder(config: AudioEncoderConfig): CustomAudioEncoder {
  if (!registered?.supports('aac', config)) throw new Error('the AAC encoder does not take this sample rate');
  const encoder = new registered();
  encoder.config = config;
  return encoder;
}
