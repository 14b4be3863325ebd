// The embeddable player: nothing but the player.

import { asksForReplay } from './format.js';
import { Player } from './player.js';

new Player(document.querySelector('[data-player]'), { replay: asksForReplay(location.href) });
