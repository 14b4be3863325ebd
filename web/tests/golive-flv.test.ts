import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { isPlausible, parseAacConfig } from '../src/golive/aacconfig.ts';
import { codecsOf, isAnnexB, isRecord, joinUnits, levelOf, recordOf, splitAnnexB } from '../src/golive/avc.ts';
import { audioConfigTag, audioTagOf, metaDataTag, timestampOf, videoConfigTag, videoTagOf } from '../src/golive/flv.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('tags are those of the specification, byte for byte', () => {
  // Type, size in 3 bytes, time in 3 bytes and its highest one, stream 0, data.
  assert.equal(hex(videoTagOf(0x01020304, true, new Uint8Array([0, 0, 0, 1, 0x65]))), '09' + '00000a' + '02030401' + '000000' + '1701000000' + '0000000165');
  assert.equal(hex(videoTagOf(40, false, new Uint8Array([9]))), '09' + '000006' + '00002800' + '000000' + '2701000000' + '09');
  assert.equal(hex(videoConfigTag(0, new Uint8Array([1, 2]))), '09' + '000007' + '00000000' + '000000' + '1700000000' + '0102');
  assert.equal(hex(audioConfigTag(5, new Uint8Array([0x11, 0x90]))), '08' + '000004' + '00000500' + '000000' + 'af00' + '1190');
  assert.equal(hex(audioTagOf(26, new Uint8Array([7, 8]))), '08' + '000004' + '00001a00' + '000000' + 'af01' + '0708');
  assert.equal(
    hex(metaDataTag(0, { width: 2, stereo: true })),
    '12' + '00002f' + '00000000' + '000000' + '02000a' + Buffer.from('onMetaData').toString('hex') + '0800000002' +
      '0005' + Buffer.from('width').toString('hex') + '00' + '4000000000000000' + '0006' + Buffer.from('stereo').toString('hex') + '0101' + '000009',
  );
});

test('the time of a tag is read back, also beyond 24 bits', () => {
  for (const time of [0, 1, 0xffffff, 0x1000000, 0x7fffffff, 0xfffffffe]) assert.equal(timestampOf(audioTagOf(time, new Uint8Array(1))), time);
});

test('a level is the lowest that allows the picture', () => {
  assert.equal(levelOf(640, 360, 30), 0x1e);
  assert.equal(levelOf(1280, 720, 30), 0x1f);
  assert.equal(levelOf(1280, 720, 60), 0x20);
  assert.equal(levelOf(1920, 1080, 30), 0x28);
  assert.equal(levelOf(1080, 1920, 60), 0x2a);
  assert.equal(levelOf(3840, 2160, 30), 0x33);
  assert.deepEqual(codecsOf(1280, 720, 30), ['avc1.64001f', 'avc1.4d001f', 'avc1.42e01f']);
});

test('an Annex B stream becomes units with lengths, and a decoder configuration record', () => {
  const stream = new Uint8Array([0, 0, 0, 1, 0x67, 0x64, 0, 0x1f, 0xac, 0, 0, 1, 0x68, 0xee, 0, 0, 0, 1, 0x65, 1, 2]);
  assert.ok(isAnnexB(stream));
  const units = splitAnnexB(stream);
  assert.deepEqual(units.map(hex), ['6764001fac', '68ee', '650102']);
  assert.equal(hex(joinUnits(units)), '000000056764001fac' + '0000000268ee' + '00000003650102');
  const record = recordOf(units);
  assert.ok(record && isRecord(record));
  assert.equal(hex(record), '01' + '64001f' + 'ff' + 'e1' + '0005' + '6764001fac' + '01' + '0002' + '68ee' + 'fdf8f800');
  assert.equal(recordOf(units.slice(1)), undefined);
  assert.equal(isRecord(new Uint8Array([0, 0, 0, 1])), false);
});

test('units with lengths are not taken for Annex B, whatever their lengths look like', () => {
  for (let size = 1; size < 1_000; size++) {
    const one = joinUnits([new Uint8Array(size).fill(0x61)]);
    assert.equal(isAnnexB(one), false, `a unit of ${size} bytes`);
    assert.equal(isAnnexB(joinUnits([new Uint8Array(size).fill(0x61), new Uint8Array(264).fill(0x41)])), false, `units of ${size} and 264 bytes`);
  }
  assert.equal(isAnnexB(new Uint8Array([9, ...joinUnits([new Uint8Array(264)])]).subarray(1)), false); // a view
  assert.ok(isAnnexB(new Uint8Array([0, 0, 1, 0x61, 0xe0, 4])));
  assert.equal(isAnnexB(new Uint8Array()), false);
});

test('an AAC configuration is plausible only if it is AAC-LC with the given sample rate and channels', () => {
  assert.deepEqual(parseAacConfig(new Uint8Array([0x11, 0x90])), { objectType: 2, sampleRate: 48_000, channels: 2 });
  assert.ok(isPlausible(new Uint8Array([0x11, 0x90]), 48_000, 2));
  assert.equal(isPlausible(new Uint8Array([0x12, 0x10]), 48_000, 2), false); // 44.1 kHz
  assert.equal(isPlausible(new Uint8Array([0x11, 0x88]), 48_000, 2), false); // mono
  assert.equal(isPlausible(new Uint8Array([0x29, 0x90]), 48_000, 2), false); // SBR
  assert.equal(isPlausible(new Uint8Array(0), 48_000, 2), false);
});

test('ffprobe reads the tags as an FLV file', (t) => {
  if (spawnSync('ffmpeg', ['-version']).error) return t.skip('there is no ffmpeg');
  const folder = mkdtempSync(join(tmpdir(), 'golive-flv-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const run = (program: string, ...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  const h264 = join(folder, 'in.h264');
  run('ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=10:d=1', '-c:v', 'libx264', '-bf', '0', '-x264-params', 'aud=1:sliced-threads=0:slices=1', '-pix_fmt', 'yuv420p', h264);
  const units = splitAnnexB(readFileSync(h264));
  const record = recordOf(units);
  assert.ok(record);
  const tags = [metaDataTag(0, { width: 160, height: 90 }), videoConfigTag(0, record), audioConfigTag(0, new Uint8Array([0x11, 0x90]))];
  let time = 0;
  for (const unit of units.filter(([head = 0]) => [1, 5].includes(head & 31))) {
    tags.push(videoTagOf(time, (unit[0]! & 31) === 5, joinUnits([unit])));
    // A frame of silence, stereo.
    tags.push(audioTagOf(time, new Uint8Array([0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c])));
    time += 100;
  }
  assert.equal(time, 1_000);
  const parts: Uint8Array[] = [Buffer.from('464c5601050000000900000000', 'hex')];
  for (const tag of tags) {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(tag.length);
    parts.push(tag, size);
  }
  const file = join(folder, 'out.flv');
  writeFileSync(file, Buffer.concat(parts));
  const told = JSON.parse(run('ffprobe', '-v', 'error', '-count_frames', '-show_streams', '-show_packets', '-of', 'json', file)) as {
    streams: { codec_name: string; width?: number; sample_rate?: string; nb_read_frames: string }[];
    packets: { codec_type: string; pts_time: string; flags: string }[];
  };
  const [video, audio] = told.streams;
  assert.deepEqual([video?.codec_name, video?.width, video?.nb_read_frames], ['h264', 160, '10']);
  assert.deepEqual([audio?.codec_name, audio?.sample_rate], ['aac', '48000']);
  const pictures = told.packets.filter(({ codec_type }) => codec_type === 'video');
  assert.deepEqual(pictures.map(({ pts_time }) => Number(pts_time)), Array.from({ length: 10 }, (_, i) => i / 10));
  assert.match(pictures[0]!.flags, /^K/);
});
