// The watch page: the player, its numbers, and links to pass on.

import { copyText } from './copy.js';
import * as format from './format.js';
import { Player } from './player.js';
import { Stats } from './stats.js';
import { label } from './status.js';

const $ = (name) => document.querySelector(`[data-${name}]`);
const root = $('player');
const player = new Player(root);
const stats = new Stats($('stats'));
const id = root.dataset.id;

function about({ broadcast, status }) {
  if (!broadcast || broadcast.state === 'ended') return '';
  const since = Date.parse(broadcast.started_at);
  const age = Number.isFinite(since) ? `On air for ${format.uptime(Date.now() - since)}` : '';
  return [status.state === 'live' ? age : label(status.state), format.summary(broadcast)].filter(Boolean).join(' · ');
}

function warn(warnings) {
  const box = $('warnings');
  const text = JSON.stringify(warnings);
  if (box.dataset.text === text) return;
  box.dataset.text = text;
  box.hidden = warnings.length === 0;
  const heading = document.createElement('h2');
  heading.textContent = 'For the broadcaster';
  const items = document.createElement('ul');
  items.append(...warnings.map((w) => Object.assign(document.createElement('li'), { textContent: w })));
  box.replaceChildren(heading, items);
}

function draw() {
  stats.draw(player);
  $('about').textContent = about(player);
  warn(player.broadcast?.warnings ?? []);
  document.title = `${player.status.state === 'live' ? '● ' : ''}${id} · golive`;
}

player.addEventListener('change', draw);
draw();

$('copy-link').addEventListener('click', (event) => copyText(location.href, event.currentTarget));
$('copy-embed').addEventListener('click', (event) => {
  const url = new URL(`/embed/${encodeURIComponent(id)}`, location.href);
  const code = `<iframe src="${url}" width="640" height="360" frameborder="0" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`;
  copyText(code, event.currentTarget);
});
