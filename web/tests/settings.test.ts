// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';
import { SETTINGS } from '../src/settings.ts';

// What hls.js 1.7 loads ahead: getMaxBufferLength in base-stream-controller.ts.
function ahead(settings, bitrate) {
  const { maxBufferLength, maxBufferSize, maxMaxBufferLength } = { maxBufferLength: 30, maxBufferSize: 60e6, maxMaxBufferLength: 600, ...settings };
  return Math.min(Math.max((8 * maxBufferSize) / bitrate, maxBufferLength), maxMaxBufferLength);
}

test('what is loaded ahead is bounded at every bitrate', () => {
  for (const [name, most] of [['player', 30], ['replay', 60], ['preview', 8]]) {
    for (const bitrate of [32e3, 700e3, 4.6e6, 40e6]) {
      assert.ok(ahead(SETTINGS[name], bitrate) <= most, `${name} at ${bitrate} bit/s`);
    }
  }
});

test('a live viewer keeps what was played, for hls.js forgets parts otherwise', () => {
  assert.equal('backBufferLength' in SETTINGS.player, false);
});
