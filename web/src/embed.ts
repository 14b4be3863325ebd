// @ts-nocheck
// The embeddable player: nothing but the player.

import { asksForReplay } from './format.ts';
import { Player } from './player.ts';

new Player(document.querySelector('[data-player]'), { replay: asksForReplay(location.href) });
