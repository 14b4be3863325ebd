// The worker that encodes and sends. It goes on while the page is in the background.

import type { FromWorker, ToWorker } from './golive/messages.ts';
import { Publisher } from './golive/publisher.ts';

/** The worker's own scope: TypeScript's library of the page does not describe it. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

const scope = globalThis as unknown as WorkerScope;
const publisher = new Publisher((message) => scope.postMessage(message));
// Messages are taken one after the other, since some wait for an encoder.
const failed = (error: unknown): void => scope.postMessage({ type: 'failed', code: 'internal', message: String(error), retry: false });
let tail = Promise.resolve();
scope.onmessage = ({ data }) => {
  if (data.type === 'frame') void publisher.take(data);
  else tail = tail.then(() => publisher.take(data)).catch(failed);
};
