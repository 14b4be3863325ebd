// @ts-nocheck
// The home page: what is live, as cards that are updated automatically.

import { fetchBroadcasts, poll } from './api.ts';
import { Card } from './card.ts';
import { setUpPublish } from './publish.ts';

const PREVIEWS = 3; // cards that play without being pointed at

const $ = (name) => document.querySelector(`[data-${name}]`);
const list = $('cards');
const cards = new Map();

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const mayMove = () => !calm.matches && !navigator.connection?.saveData && !document.hidden;

let pointed = '';
let known = false;

function show(broadcasts) {
  // Oldest first, so that a new card moves no other.
  const current = broadcasts
    .filter((b) => b.state !== 'ended')
    .sort((a, b) => (a.started_at ?? '').localeCompare(b.started_at ?? '') || a.id.localeCompare(b.id));
  announce(current);
  const ids = new Set(current.map((b) => b.id));
  for (const [id, card] of cards) {
    if (ids.has(id)) continue;
    card.remove();
    cards.delete(id);
  }
  current.forEach((broadcast, i) => {
    let card = cards.get(broadcast.id);
    if (!card) {
      card = new Card(broadcast.id);
      cards.set(broadcast.id, card);
      point(card);
    }
    card.update(broadcast);
    if (list.children[i] !== card.element) list.insertBefore(card.element, list.children[i] ?? null);
  });
  $('loading').hidden = true;
  $('empty').hidden = current.length > 0;
  $('count').hidden = current.length === 0;
  $('count').textContent = current.length;
  preview();
}

// Screen readers announce only changes, not the first list.
function announce(current) {
  const come = known ? current.filter((b) => !cards.has(b.id)).map((b) => `${b.id} is live`) : [];
  known = true;
  if (come.length > 0) $('announce').textContent = come.join(', ');
}

function point(card) {
  const enter = () => { pointed = card.id; preview(); };
  const leave = () => { if (pointed === card.id) { pointed = ''; preview(); } };
  card.element.addEventListener('pointerenter', enter);
  card.element.addEventListener('pointerleave', leave);
  card.element.addEventListener('focusin', enter);
  card.element.addEventListener('focusout', leave);
}

function preview() {
  let free = mayMove() ? PREVIEWS : 0;
  for (const element of list.children) {
    const card = cards.get(element.querySelector('a').textContent);
    card.preview(free > 0 || card.id === pointed);
    free -= 1;
  }
}

setUpPublish($('publish'));
poll(fetchBroadcasts, (broadcasts, error) => {
  $('link-state').hidden = !error;
  if (!error) show(broadcasts);
}, { pauseHidden: true });
setInterval(() => { for (const card of cards.values()) card.tick(); }, 1000);
document.addEventListener('visibilitychange', preview);
calm.addEventListener('change', preview);
