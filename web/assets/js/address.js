// URLs of pages, media and the API. A proxy in front of the server may have put a path before all of
// it, so every address begins at the root that this module was loaded from:
// ROOT/assets/FINGERPRINT/js/address.js.

const below = (path, root = new URL('../../../', import.meta.url)) => new URL(path, root).href;

/** The API address of all broadcasts, or of one. */
export const apiURL = (id) => below(id === undefined ? 'v1/broadcasts' : `v1/broadcasts/${encodeURIComponent(id)}`);

/** A playlist that the API names by its path, which begins where the server takes its root to be. */
export const mediaURL = (path, root) => below(path.split('/').slice(-3).join('/'), root);

/** The page of a broadcast, and the player for other pages. */
export const watchURL = (id) => below(`watch/${encodeURIComponent(id)}`);
export const embedURL = (id) => below(`embed/${encodeURIComponent(id)}`);
