// @ts-nocheck
// The watch page: the player, its numbers, and links to share.

import { embedURL, mediaURL } from './address.ts';
import { copyText } from './copy.ts';
import * as format from './format.ts';
import { Player } from './player.ts';
import { Stats } from './stats.ts';
import { nameOf } from './records.ts';
import { isPlayable, label } from './status.ts';

const $ = (name) => document.querySelector(`[data-${name}]`);
const root = $('player');
const player = new Player(root, { replay: format.asksForReplay(location.href) });
const stats = new Stats($('stats'));
const id = root.dataset.id;

function about({ broadcast, status, replaying }) {
  if (!broadcast) return '';
  const since = Date.parse(broadcast.started_at);
  if (broadcast.state === 'ended') {
    const end = Date.parse(broadcast.ended_at);
    return end >= since ? `Ended ${format.ago(Date.now() - end)} · was live for ${format.uptime(end - since)}` : '';
  }
  const age = Number.isFinite(since) ? `${replaying ? 'Live again' : 'Live'} for ${format.uptime(Date.now() - since)}` : '';
  if (replaying) return isPlayable(broadcast) ? age : '';
  return [status.state === 'live' ? age : label(status.state), format.summary(broadcast)].filter(Boolean).join(' · ');
}

function warn(warnings) {
  const box = $('warnings');
  const lines = format.warnings(warnings, Date.now());
  const text = JSON.stringify(lines);
  if (box.dataset.text === text) return;
  box.dataset.text = text;
  box.hidden = lines.length === 0;
  const heading = document.createElement('h2');
  heading.textContent = 'For the broadcaster';
  const items = document.createElement('ul');
  items.append(...lines.map(({ code, text: words, since }) => {
    const item = Object.assign(document.createElement('li'), { textContent: words });
    item.dataset.code = code;
    const time = Object.assign(document.createElement('small'), { textContent: since });
    if (since) item.append(' ', time);
    return item;
  }));
  box.replaceChildren(heading, items);
}

function addresses(broadcast) {
  $('addresses').hidden = !isPlayable(broadcast);
  if (!isPlayable(broadcast)) return;
  for (const link of document.querySelectorAll('[data-address]')) link.href = mediaURL(broadcast[link.dataset.address]);
}

function draw() {
  stats.draw(player);
  $('about').textContent = about(player);
  warn(player.broadcast?.warnings ?? []);
  addresses(player.broadcast);
  const name = player.broadcast?.title ? nameOf(player.broadcast) : root.dataset.name;
  if ($('heading').textContent !== name) $('heading').textContent = name;
  document.title = `${player.status.state === 'live' ? '● ' : ''}${name} · golive`;
}

player.addEventListener('change', draw);
draw();

$('copy-link').addEventListener('click', (event) => copyText(format.shareLink(location.href, player.replaying), event.currentTarget));
$('copy-embed').addEventListener('click', (event) => {
  const url = embedURL(id, root.dataset.token);
  const code = `<iframe src="${url}" width="640" height="360" frameborder="0" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`;
  copyText(code, event.currentTarget);
});
