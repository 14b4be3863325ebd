// The feed: what is live, as cards that are updated automatically, what has ended, and the way to go
// live. Nothing in view moves when a card arrives: the first one takes the place of an empty card, those
// of a new row wait to be asked for, and one that ends stays where it is.

import { permission, request, whyNot } from './account.ts';
import { fetchBroadcast, fetchBroadcasts, poll } from './api.ts';
import { Autoplay } from './autoplay.ts';
import { Card } from './card.ts';
import { loadEngine } from './engine.ts';
import { nameOf, type BroadcastRecord, type Page } from './records.ts';

const ENDED = 12; // cards that are shown at once
const SOON = 5000; // milliseconds for which a broadcast that is starting is expected to begin
const $ = <T extends HTMLElement = HTMLElement>(name: string): T => document.querySelector(`[data-${name}]`) as T;

const list = $('cards');
const cards = new Map<string, Card>();
const autoplay = new Autoplay();
let waiting: BroadcastRecord[] = []; // live, and not shown yet
let known = false;

function show(all: BroadcastRecord[]): void {
  const current = all
    .filter((b) => b.state === 'live' || b.state === 'reconnecting' || b.state === 'starting')
    .sort((a, b) => (a.started_at ?? '').localeCompare(b.started_at ?? '') || a.id.localeCompare(b.id));
  announce(current);
  waiting = [];
  for (const b of current) {
    const card = cards.get(b.id);
    if (card) card.update(b);
    else if (!known || fits()) add(b);
    else waiting.push(b);
  }
  const ids = new Map(all.map((b) => [b.id, b]));
  for (const card of cards.values()) {
    if (current.some((b) => b.id === card.id) || card.broadcast.state === 'ended') continue;
    card.update(ids.get(card.id) ?? { ...card.broadcast, state: 'ended', ended_at: new Date().toISOString() });
  }
  known = true;
  $('empty').hidden = cards.size > 0;
  $('count').hidden = current.length === 0;
  $('count').textContent = String(current.length);
  $('show-new').hidden = waiting.length === 0;
  $('show-new').textContent = `Show ${waiting.length} more`;
  autoplay.choose();
}

/** There is a place for another card, or what it would move is out of view. */
function fits(): boolean {
  const columns = getComputedStyle(list).gridTemplateColumns.split(' ').length;
  const ended = $('ended');
  return cards.size === 0 || cards.size % columns !== 0 || Boolean(ended.hidden) || ended.getBoundingClientRect().top >= innerHeight;
}

function add(b: BroadcastRecord): void {
  const card = new Card(b, known);
  if (cards.size === 0) list.replaceChildren();
  cards.set(b.id, card);
  list.append(card.element);
  autoplay.add(card);
}

// Screen readers announce only changes, not the first list.
function announce(current: BroadcastRecord[]): void {
  const seen = new Set([...cards.keys(), ...waiting.map((b) => b.id)]);
  const come = known ? current.filter((b) => !seen.has(b.id)).map((b) => `${nameOf(b)} is live`) : [];
  if (come.length > 0) $('announce').textContent = come.join(', ');
}

let cursor = '';

/** Shows a page of what has ended. The list names no pictures: each card asks for its own. */
async function showEnded(): Promise<void> {
  const query = new URLSearchParams({ state: 'ended', limit: String(ENDED), ...(cursor ? { cursor } : {}) });
  const page = await request<Page>(`broadcasts?${query}`);
  cursor = page.next ?? '';
  const here = new Set([...document.querySelectorAll<HTMLElement>('[data-ended-cards] > li')].map((item) => item.dataset.id));
  for (const b of page.broadcasts.filter(({ id }) => !cards.has(id) && !here.has(id))) {
    const card = new Card(b);
    card.element.dataset.id = b.id;
    $('ended-cards').append(card.element);
    picture.observe(card.element);
    byElement.set(card.element, card);
  }
  $('ended').hidden = $('ended-cards').childElementCount === 0;
  $('more').hidden = !cursor;
}

const byElement = new WeakMap<Element, Card>();
const picture = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const card = byElement.get(target);
    if (!isIntersecting || !card) continue;
    picture.unobserve(target);
    void fetchBroadcast(card.id, AbortSignal.timeout(10_000))
      .then((b: BroadcastRecord | null) => { if (b?.state === 'ended') card.update(b); })
      .catch(() => {}); // it is a card without a picture
  }
}, { rootMargin: '200px' });

async function invite(): Promise<void> {
  const may = await permission();
  if (may?.allowed) {
    $('go-live').classList.remove('is-away');
    return;
  }
  $('invite-title').textContent = 'Going live';
  $('invite-text').textContent = whyNot(may);
  if (!may?.fallback_url) return;
  const link = $<HTMLAnchorElement>('fallback');
  link.href = may.fallback_url;
  link.classList.remove('is-away');
}

let endedShown = false;
let starting = new Map<string, number>(); // what is about to begin, and when that was seen first

/** Milliseconds until the feed is asked for again: soon while something is about to begin. */
function interval(all: BroadcastRecord[] = []): number {
  const now = performance.now();
  if (all.some((b) => b.state === 'starting')) void loadEngine(); // which will be needed
  starting = new Map(all.filter((b) => b.state === 'starting').map((b) => [b.id, starting.get(b.id) ?? now]));
  return [...starting.values()].some((since) => now - since < SOON) ? 200 : 1000;
}

poll(fetchBroadcasts, (broadcasts: BroadcastRecord[] | undefined, error: unknown) => {
  $('link-state').hidden = !error;
  if (error || !broadcasts) return;
  show(broadcasts);
  if (endedShown) return;
  endedShown = true;
  showEnded().catch(() => { endedShown = false; });
}, { interval, pauseHidden: true });
$('more').addEventListener('click', () => void showEnded().catch(() => {}));
$('show-new').addEventListener('click', () => {
  for (const b of waiting) add(b);
  waiting = [];
  $('show-new').hidden = true;
  autoplay.choose();
});
invite().catch(() => { $('invite-text').textContent = 'The server did not answer whether you can go live. Reload the page to ask again.'; });
setInterval(() => { for (const card of cards.values()) card.tick(); }, 1000);
