// hls.js for the feed, which is loaded only when a picture there begins to move.

let loading: Promise<void> | undefined;

/** Loads hls.js once from where the page says it is; resolves in any case, since browsers may have HLS of their own. */
export function loadEngine(): Promise<void> {
  const url = document.body.dataset.hls;
  if (!url || 'Hls' in globalThis && (globalThis as { Hls?: unknown }).Hls) return Promise.resolve();
  loading ??= new Promise((resolve) => {
    const script = document.createElement('script');
    script.src = url;
    script.addEventListener('load', () => resolve());
    script.addEventListener('error', () => {
      loading = undefined; // the next picture tries again
      resolve();
    });
    document.head.append(script);
  });
  return loading;
}
