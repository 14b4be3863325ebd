// AudioSpecificConfig, ISO/IEC 14496-3 section 1.6.2.1.

const rates = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

export interface AacConfig {
  objectType: number;
  sampleRate: number;
  channels: number;
}

/** The first fields of a configuration, or undefined if they are reserved or cut off. */
export function parseAacConfig(config: Uint8Array): AacConfig | undefined {
  if (config.length < 2) return undefined;
  const bits = (config[0]! << 8) | config[1]!;
  const sampleRate = rates[(bits >> 7) & 15];
  const channels = (bits >> 3) & 15;
  if (sampleRate === undefined || channels === 0 || channels > 7) return undefined;
  return { objectType: bits >> 11, sampleRate, channels: channels === 7 ? 8 : channels };
}

/** Whether an encoder's configuration is AAC-LC of what it was given: some browsers' is not. */
export function isPlausible(config: Uint8Array, sampleRate: number, channels: number): boolean {
  const parsed = parseAacConfig(config);
  return parsed?.objectType === 2 && parsed.sampleRate === sampleRate && parsed.channels === channels;
}
