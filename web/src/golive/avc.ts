// H.264 as FLV carries it: an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3) and
// NAL units that begin with their length in four bytes.

/** Macroblocks per second and per frame, and the level_idc, of ITU-T H.264 table A-1. */
const levels: readonly (readonly [perSecond: number, perFrame: number, level: number])[] = [
  [11_880, 396, 0x14], [20_250, 1_620, 0x16], [40_500, 1_620, 0x1e], [108_000, 3_600, 0x1f], [216_000, 5_120, 0x20],
  [245_760, 8_192, 0x28], [522_240, 8_704, 0x2a], [589_824, 22_080, 0x32], [983_040, 36_864, 0x33], [2_073_600, 36_864, 0x34],
];

/** The lowest level that allows pictures of this size at this rate. */
export function levelOf(width: number, height: number, frameRate: number): number {
  const frame = Math.ceil(width / 16) * Math.ceil(height / 16);
  return (levels.find(([perSecond, perFrame]) => frame * frameRate <= perSecond && frame <= perFrame) ?? [0, 0, 0x34])[2];
}

/** The codec strings to try, from the best: High, Main, Constrained Baseline. */
export function codecsOf(width: number, height: number, frameRate: number): string[] {
  const level = levelOf(width, height, frameRate).toString(16).padStart(2, '0');
  return ['6400', '4d00', '42e0'].map((profile) => `avc1.${profile}${level}`);
}

/**
 * Whether data is a byte stream (ITU-T H.264 annex B) and not units with lengths. The lengths decide: that
 * of a unit of 256 to 511 bytes begins like a start code.
 */
export function isAnnexB(data: Uint8Array): boolean {
  const startCode = data[0] === 0 && data[1] === 0 && (data[2] === 1 || (data[2] === 0 && data[3] === 1));
  return startCode && !isLengthPrefixed(data);
}

// Whether lengths of four bytes add up to the last byte.
function isLengthPrefixed(data: Uint8Array): boolean {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  while (at + 4 <= data.length) at += 4 + view.getUint32(at);
  return at === data.length;
}

/** The NAL units of a byte stream (ITU-T H.264 annex B). */
export function splitAnnexB(data: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  let begin = -1;
  for (let i = 0; i + 2 < data.length; i++) {
    if (data[i] !== 0 || data[i + 1] !== 0 || data[i + 2] !== 1) continue;
    if (begin >= 0) units.push(trimZeros(data.subarray(begin, i)));
    begin = i + 3;
    i += 2;
  }
  if (begin >= 0) units.push(trimZeros(data.subarray(begin)));
  return units.filter((unit) => unit.length > 0);
}

// A NAL unit does not end with a zero: zeros there are of the next start code, or padding.
function trimZeros(unit: Uint8Array): Uint8Array {
  let end = unit.length;
  while (end > 0 && unit[end - 1] === 0) end--;
  return unit.subarray(0, end);
}

/** Units with their lengths before them. */
export function joinUnits(units: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(units.reduce((sum, unit) => sum + 4 + unit.length, 0));
  const view = new DataView(all.buffer);
  let at = 0;
  for (const unit of units) {
    view.setUint32(at, unit.length);
    all.set(unit, at + 4);
    at += 4 + unit.length;
  }
  return all;
}

/** The record of the parameter sets among the units, or undefined if one is missing. */
export function recordOf(units: readonly Uint8Array[]): Uint8Array | undefined {
  const sps = units.find((unit) => ((unit[0] ?? 0) & 31) === 7);
  const pps = units.find((unit) => ((unit[0] ?? 0) & 31) === 8);
  if (!sps || sps.length < 4 || !pps) return undefined;
  const high = [100, 110, 122, 144].includes(sps[1] ?? 0);
  return new Uint8Array([
    1, sps[1]!, sps[2]!, sps[3]!, 0xff, 0xe1, sps.length >> 8, sps.length & 255, ...sps,
    1, pps.length >> 8, pps.length & 255, ...pps,
    ...(high ? [0xfd, 0xf8, 0xf8, 0] : []), // 4:2:0, 8 bits, no extensions
  ]);
}

/** Whether the bytes are a record with one SPS and one PPS at least and lengths of four bytes. */
export function isRecord(record: Uint8Array): boolean {
  if (record.length < 11 || record[0] !== 1 || (record[4]! & 3) !== 3 || (record[5]! & 31) === 0) return false;
  return ((record[8] ?? 0) & 31) === 7;
}
