// @ts-nocheck
import assert from 'node:assert/strict';
import test from 'node:test';
import { mediaURL, watchURL } from '../src/address.ts';

test('a playlist is below the root of the page, whatever the server takes it to be', () => {
  for (const path of ['/live/show/index.m3u8', '/video/live/show/index.m3u8', '/a/b/live/show/index.m3u8']) {
    assert.equal(mediaURL(path, 'https://a.test/video/'), 'https://a.test/video/live/show/index.m3u8');
    assert.equal(mediaURL(path, 'https://a.test/'), 'https://a.test/live/show/index.m3u8');
  }
  assert.equal(mediaURL('/live/live/replay-x.m3u8', 'https://a.test/live/'), 'https://a.test/live/live/live/replay-x.m3u8');
});

test('an id is one segment of an address', () => {
  assert.match(watchURL('a/b?c'), /\/watch\/a%2Fb%3Fc$/);
});
