// Tells the page when to draw the next picture: the timers of a worker stay exact while the page is in the background.

import { FRAME_RATE } from './testpicture.ts';

const scope = globalThis as unknown as { postMessage(message: null): void };
setInterval(() => scope.postMessage(null), 1000 / FRAME_RATE);
