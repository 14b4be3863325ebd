// What the screen to go live says, in words for people.

import type { AdaptDetail, GoLiveErrorCode, GoLiveState } from './golive/types.ts';

export interface Words {
  title: string;
  text: string;
}

/** Why there is no picture to show. */
export function captureProblem(kind: string, error: unknown): Words {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'SecurityError' || !globalThis.isSecureContext) return INSECURE;
  if (kind === 'screen' && name === 'NotAllowedError') return { title: 'The screen was not shared', text: 'Choose “Screen” again, and pick a window or a screen in the browser’s dialog.' };
  return {
    NotAllowedError: { title: 'The camera is not allowed', text: 'Allow the camera and the microphone for this page: tap the symbol beside the address, and then choose “Camera” again. Or choose the test picture.' },
    NotFoundError: { title: 'There is no camera', text: 'Connect a camera and a microphone, or choose the screen or the test picture.' },
    OverconstrainedError: { title: 'This device is gone', text: 'Choose another camera or microphone.' },
    NotReadableError: { title: 'The camera is in use', text: 'Another program uses it. Close that one, and choose “Camera” again.' },
  }[name] ?? { title: 'There is no picture', text: 'The browser did not give one. Choose another source.' };
}

const INSECURE: Words = {
  title: 'The browser needs a secure address',
  text: 'Cameras work on secure pages only: open this page by https://, or on the server’s own machine as http://localhost.',
};

/** What an error of the client means. */
export function errorWords(code: GoLiveErrorCode, message: string): Words {
  switch (code) {
    case 'insecure': return INSECURE;
    case 'no-encoder': return { title: 'This browser cannot send video', text: 'Use a current Chrome, Edge, Firefox or Safari, or an encoder such as OBS: see the studio.' };
    case 'not-allowed': return { title: 'You cannot go live', text: message };
    case 'camera-denied': return { title: 'There is no picture', text: 'The camera or the screen has stopped. Choose a source again.' };
    case 'unauthorized': return { title: 'The server does not know you', text: 'Open this page from the app again: your access has expired.' };
    case 'ended': return { title: 'The broadcast has ended', text: 'It was ended from somewhere else, or was away for too long.' };
    case 'taken': return { title: 'Somebody else is on air here', text: 'This broadcast is sent from another page or encoder. End it there first.' };
    case 'refused': return { title: 'The server refused the broadcast', text: message };
    case 'limit': return { title: 'The server is full', text: 'It takes no more broadcasts, or not of this size. Try again later.' };
    case 'unavailable': return { title: 'The server is busy', text: 'Try again in a moment.' };
    case 'network': return { title: 'There is no connection to the server', text: 'Check your connection, and try again.' };
    default: return { title: 'Something went wrong', text: message || 'Try again.' };
  }
}

/** What is going on. */
export function stateWords(state: GoLiveState): Words {
  switch (state) {
    case 'creating':
    case 'connecting': return { title: 'Connecting…', text: 'You are on air in a moment.' };
    case 'starting': return { title: 'Starting…', text: 'The first pictures are on their way.' };
    case 'preview': return { title: 'Only you see this', text: 'Have a look at the picture and the sound. Then put it on air.' };
    case 'live': return { title: 'You are on air', text: '' };
    case 'reconnecting': return { title: 'Reconnecting…', text: 'The connection was lost. Viewers wait: keep this page open.' };
    case 'ended': return { title: 'The broadcast has ended', text: 'Thank you. Viewers can watch it again.' };
    case 'failed': return { title: 'You are not on air', text: '' };
    default: return { title: '', text: '' };
  }
}

/** Why the picture was changed. */
export function adaptWords({ height, frameRate, why }: AdaptDetail): Words {
  const now = height > 0 ? `${height}p now${frameRate > 0 && frameRate < 24 ? `, with ${Math.round(frameRate)} pictures a second` : ''}` : 'the picture is simpler now';
  return why === 'upload-slow'
    ? { title: `Your upload is slow: ${now}`, text: 'Move closer to the router, or let other devices wait.' }
    : { title: `Your upload has recovered: ${now}`, text: '' };
}

/** A text of the server as a sentence. */
export const sentence = (text: string): string => text && `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
