// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';
import { parse, pictureAt } from '../src/storyboard.ts';

const base = 'https://example.test/live/b/storyboard-T.vtt';
const text = `WEBVTT

NOTE what golive writes

00:00:00.000 --> 00:00:10.000
storyboard-T-0.jpg#xywh=0,0,160,90

second
01:00:10.500 --> 01:00:20.250 align:left
storyboard-T-1.jpg#xywh=pixel:320,180,90,160

00:10.000 --> 00:20.000
storyboard-T-0.jpg#xywh=160,0,160,90
`;

test('the cues of a storyboard are read, in the order of time', () => {
  const want = [
    { start: 0, end: 10, url: 'https://example.test/live/b/storyboard-T-0.jpg', x: 0, y: 0, width: 160, height: 90 },
    { start: 10, end: 20, url: 'https://example.test/live/b/storyboard-T-0.jpg', x: 160, y: 0, width: 160, height: 90 },
    { start: 3610.5, end: 3620.25, url: 'https://example.test/live/b/storyboard-T-1.jpg', x: 320, y: 180, width: 90, height: 160 },
  ];
  assert.deepEqual(parse(text, base), want);
  assert.deepEqual(parse(`\uFEFF${text.replaceAll('\n', '\r\n')}`, base), want);
});

test('what is not a picture is left out', () => {
  for (const wrong of [
    '', 'WEBVTT', '<!doctype html>', 'WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nwords',
    'WEBVTT\n\n00:00:00.000 --> 00:00:10.000', 'WEBVTT\n\n00:00 --> 00:10\ns.jpg#xywh=0,0,160,90',
    'WEBVTT\n\n00:00:00.000 --> 00:00:10.000\ns.jpg#xywh=0,0,0,90', 'WEBVTT\n\n00:00:00.000 --> 00:00:10.000\ns.jpg#xywh=percent:0,0,10,10',
  ]) assert.deepEqual(parse(wrong, base), [], wrong);
});

test('the picture of a time is the one whose cue has it', () => {
  const pictures = parse(text, base);
  for (const [time, want] of [[0, 0], [9.99, 0], [10, 1], [19.9, 1], [20, -1], [3600, -1], [3610.5, 2], [3620, 2], [3620.25, -1], [-1, -1], [NaN, -1]]) {
    assert.equal(pictures.indexOf(pictureAt(pictures, time)), want, `at ${time}`);
  }
  assert.equal(pictureAt([], 5), undefined);
});
