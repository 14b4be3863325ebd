// The embeddable player: nothing but the player.

import { Player } from './player.js';

new Player(document.querySelector('[data-player]'));
