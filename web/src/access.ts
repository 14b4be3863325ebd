// @ts-nocheck
// Whether this page may have the media of a broadcast. It asks the server only in doubt.

import { mediaPath, withToken } from './address.ts';

/**
 * `told` is what the API says of the broadcast, or null; `doubtful`: its media cannot be loaded;
 * `head(name)` requests a file of it and returns the HTTP status.
 *
 * It returns `denied`, and the `broadcast` as the page may watch it. The API may hide a broadcast
 * that is not public: then its media tells what there is of it.
 */
export async function access({ id, token, told, doubtful, head }) {
  if (told && !doubtful) return { denied: false, broadcast: withToken(told, token) };
  const status = await head('index.m3u8');
  if (status === 401 || status === 403) return { denied: true, broadcast: told };
  if (told || !token) return { denied: false, broadcast: withToken(told, token) };
  const path = (name) => mediaPath(id, token, name);
  const hidden = { id, warnings: [], renditions: [], replay: null };
  if (await head('replay.m3u8') === 200) return { denied: false, broadcast: { ...hidden, state: 'ended', replay: path('replay.m3u8') } };
  if (status !== 200) return { denied: false, broadcast: null };
  return { denied: false, broadcast: { ...hidden, state: 'live', playlist: path('index.m3u8'), playlist_ts: path('ts.m3u8') } };
}
