// What to encode at best: what the camera gives, within what the caller and the server want.

import type { Quality } from './adapt.ts';
import type { RecommendedSettings, StartSettings } from './types.ts';

/** Without settings of the caller or the server: more costs much time of the processor. */
const maxShort = 720;
const maxFrameRate = 30;
/** Bits for each pixel: fine for a face, enough for a street. */
const bitsPerPixel = 0.09;
/** Of the server's limit, for video: sound and peaks are to be within it as well. */
const limitShare = 0.75;

const even = (value: number): number => Math.max(2, Math.round(value / 2) * 2);

export function qualityFor(camera: MediaTrackSettings, wanted: StartSettings, server?: RecommendedSettings): Quality {
  const width = camera.width || 1280;
  const height = camera.height || 720;
  const short = Math.min(width, height);
  // The server's size is of a picture in landscape: its height is the short side, also of a portrait.
  const limit = Math.min(
    short,
    wanted.width && wanted.height ? Math.min(wanted.width, wanted.height) : wanted.height ?? maxShort,
    server?.video.height || Infinity,
  );
  const scale = limit / short;
  const size = { width: even(width * scale), height: even(height * scale) };
  const frameRate = Math.max(1, Math.min(wanted.frameRate ?? maxFrameRate, camera.frameRate || maxFrameRate, server?.video.frameRate || Infinity));
  const usual = Math.max(300_000, size.width * size.height * frameRate * bitsPerPixel);
  const most = server?.video.maxBitrate ? server.video.maxBitrate * limitShare : Infinity;
  return { ...size, frameRate, videoBitrate: Math.round(Math.min(wanted.videoBitrate ?? usual, most)) };
}
