// URLs of pages, media and the API. A proxy in front of the server may have put a path before all of
// it, so every address begins at the root that this module was loaded from:
// ROOT/assets/FINGERPRINT/js/address.js.

const below = (path: string, root: string | URL = new URL('../../../', import.meta.url)): string => new URL(path, root).href;

/** The address of a path from the root. */
export const rootURL = (path: string): string => below(path);

/** The API address of all broadcasts, or of one. */
export const apiURL = (id?: string): string => below(id === undefined ? 'v1/broadcasts' : `v1/broadcasts/${encodeURIComponent(id)}`);

/** A playlist that the API names by its path, which begins where the server takes its root to be. */
export const mediaURL = (path: string, root?: string): string => below(path.split('/').slice(path.includes('/~') ? -4 : -3).join('/'), root);

/** The path of a file of a broadcast. `token` is the segment of a playback token, "~…", or empty. */
export const mediaPath = (id: string, token: string | undefined, name: string): string => ['live', id, token, name].filter(Boolean).join('/');

/** The broadcast, with the playback token in the paths of its media. */
export function withToken<T extends object>(broadcast: T | null, token: string | undefined): T | null {
  if (!broadcast || !token) return broadcast;
  const signed = { ...broadcast } as Record<string, unknown>;
  for (const key of ['playlist', 'playlist_ts', 'replay', 'poster', 'storyboard']) {
    const path = signed[key];
    if (typeof path === 'string') signed[key] = path.replace(/\/(?=[^/]*$)/, `/${token}/`);
  }
  return signed as T;
}

/** The page of a broadcast, and the player for other pages. */
export const watchURL = (id: string): string => below(`watch/${encodeURIComponent(id)}`);
export const embedURL = (id: string, token?: string): string => below(['embed', encodeURIComponent(id), token].filter(Boolean).join('/'));
