// @ts-nocheck
// URLs of pages, media and the API. A proxy in front of the server may have put a path before all of
// it, so every address begins at the root that this module was loaded from:
// ROOT/assets/FINGERPRINT/js/address.js.

const below = (path, root = new URL('../../../', import.meta.url)) => new URL(path, root).href;

/** The API address of all broadcasts, or of one. */
export const apiURL = (id) => below(id === undefined ? 'v1/broadcasts' : `v1/broadcasts/${encodeURIComponent(id)}`);

/** A playlist that the API names by its path, which begins where the server takes its root to be. */
export const mediaURL = (path, root) => below(path.split('/').slice(path.includes('/~') ? -4 : -3).join('/'), root);

/** The path of a file of a broadcast. `token` is the segment of a playback token, "~…", or empty. */
export const mediaPath = (id, token, name) => ['live', id, token, name].filter(Boolean).join('/');

/** The broadcast, with the playback token in the paths of its media. */
export function withToken(broadcast, token) {
  if (!broadcast || !token) return broadcast;
  const signed = { ...broadcast };
  for (const key of ['playlist', 'playlist_ts', 'replay', 'poster', 'storyboard']) {
    if (signed[key]) signed[key] = signed[key].replace(/\/(?=[^/]*$)/, `/${token}/`);
  }
  return signed;
}

/** The page of a broadcast, and the player for other pages. */
export const watchURL = (id) => below(`watch/${encodeURIComponent(id)}`);
export const embedURL = (id, token) => below(['embed', encodeURIComponent(id), token].filter(Boolean).join('/'));
