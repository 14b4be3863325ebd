// The studio, for those who go live with an encoder of their own: a key, settings, and what arrives.

import { RequestError, accountToken, permission, request, setToken, whyNot } from './account.ts';
import { watchURL } from './address.ts';
import { copyText } from './copy.ts';
import * as format from './format.ts';
import { Incoming } from './incoming.ts';
import { isName, setUpPublish } from './publish.ts';
import { nameOf, type BroadcastRecord, type Page } from './records.ts';
import { label } from './status.ts';
import { sentence } from './words.ts';

interface Addresses { rtmp: string | null; rtmps: string | null }
interface Settings {
  video: { codec: string; profile: string; width: number; height: number; frame_rate: number; bitrate: number; key_frame_interval: number };
  audio: { codec: string; bitrate: number };
}
interface Issued {
  id?: string;
  stream_key: string;
  ingest: Addresses;
  playback?: { watch: string };
  recommended_settings?: Settings;
}

const $ = <T extends HTMLElement = HTMLElement>(name: string): T => document.querySelector(`[data-${name}]`) as T;
const POLL = 3000; // milliseconds
const HIDDEN = '••••••••••••••••';

let key = '';
const form = $<HTMLFormElement>('key-form');
const field = (name: string): HTMLInputElement => form.elements.namedItem(name) as HTMLInputElement;

function fail(error: unknown): void {
  const text = error instanceof RequestError
    ? { 401: 'The token is missing or has expired. Get a new one from your app.' }[error.status] ?? sentence(error.message)
    : 'The server cannot be reached. Try again.';
  $('problem').textContent = text;
  $('problem').hidden = false;
  $('token-form').hidden = document.body.dataset.openApi === 'true';
}

function reveal(on: boolean): void {
  $('issued-key').textContent = on ? key : HIDDEN;
  $('reveal').setAttribute('aria-pressed', String(on));
  $('reveal').setAttribute('aria-label', on ? 'Hide the stream key' : 'Show the stream key');
}

function show(issued: Issued, watch: string): void {
  key = issued.stream_key;
  $('problem').hidden = true;
  $('issued').hidden = false;
  $('issued-server').textContent = issued.ingest.rtmp ?? issued.ingest.rtmps ?? '';
  reveal(false);
  $('issued-watch').hidden = watch === '';
  const link = $<HTMLAnchorElement>('issued-link');
  link.href = link.textContent = watch;
  if (issued.recommended_settings) recommend(issued.recommended_settings);
}

function recommend({ video, audio }: Settings): void {
  const set = (name: string, text: string): void => { (document.querySelector(`[data-setting=${name}]`) as HTMLElement).textContent = text; };
  set('key-frames', `${video.key_frame_interval} s`);
  set('bitrate', format.bitrate(video.bitrate));
  set('picture', `${format.resolution(video.width, video.height)}, ${format.frameRate(video.frame_rate)} fps`);
  set('codec', `${video.codec === 'h264' ? 'H.264' : video.codec}, ${video.profile.charAt(0).toUpperCase()}${video.profile.slice(1)}`);
  set('audio', `${audio.codec.toUpperCase()}, ${format.bitrate(audio.bitrate)}`);
}

/** The channel in the form; undefined if it cannot be one. */
function channel(needed: boolean): string | undefined {
  const input = field('channel');
  const name = input.value.trim();
  const good = isName(name) || !needed && name === '';
  $('channel-problem').hidden = good;
  input.setAttribute('aria-invalid', String(!good));
  if (!good) input.focus();
  return good ? name : undefined;
}

async function create(): Promise<void> {
  const name = channel(false);
  if (name === undefined) return;
  const title = field('title').value.trim();
  const made = await request<Issued>('broadcasts', { method: 'POST', body: { ...(title && { title }), ...(name && { channel: name }) } });
  show(made, made.playback?.watch ?? '');
}

async function makeLasting(): Promise<void> {
  const name = channel(true);
  if (name === undefined) return;
  const made = await request<Issued>(`channels/${encodeURIComponent(name)}/key`, { method: 'POST' });
  show(made, watchURL(`@${name}`).replace('%40', '@'));
}

/** Runs one request at a time, with its button switched off. */
async function once(button: HTMLButtonElement, act: () => Promise<void>): Promise<void> {
  button.disabled = true;
  try {
    await act();
  } catch (error) {
    fail(error);
  } finally {
    button.disabled = false;
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void once($<HTMLButtonElement>('create'), create);
});
$('lasting').addEventListener('click', () => void once($<HTMLButtonElement>('lasting'), makeLasting));
$('reveal').addEventListener('click', () => reveal($('reveal').getAttribute('aria-pressed') !== 'true'));
$('copy-key').addEventListener('click', () => copyText(key, $('copy-key')));
$('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  setToken(($<HTMLFormElement>('token-form').elements.namedItem('token') as HTMLInputElement).value);
  $('token-form').hidden = true;
  $('problem').hidden = true;
  void greet();
});

async function greet(): Promise<void> {
  const may = await permission();
  if (may?.allowed) return;
  $('problem').textContent = whyNot(may);
  $('problem').hidden = false;
  $('token-form').hidden = document.body.dataset.openApi === 'true' || may !== null;
}

const which = $<HTMLSelectElement>('which');
let followed: string | null = null;
const incoming = new Incoming($('charts'), $('issues'), () => void look());

function follow(b: BroadcastRecord | undefined): void {
  $('charts').hidden = !b;
  $('incoming-lead').hidden = Boolean(b);
  const badge = $('incoming-badge');
  badge.dataset.state = b?.state ?? 'waiting';
  badge.textContent = label(b?.state ?? 'waiting');
  if ((b?.id ?? null) === followed) return;
  followed = b?.id ?? null;
  incoming.follow(followed);
}

/** The broadcasts that can be followed: the visitor's own, and where everybody is believed all. */
async function candidates(): Promise<BroadcastRecord[]> {
  const own = accountToken() ? (await request<Page>('broadcasts?owner=me&limit=20')).broadcasts : [];
  const all = document.body.dataset.openApi === 'true' ? (await request<Page>('broadcasts?limit=50')).broadcasts : [];
  const ids = new Set<string>();
  return [...own, ...all].filter((b) => {
    const on = ['preview', 'starting', 'live', 'reconnecting'].includes(b.state) && !ids.has(b.id);
    ids.add(b.id);
    return on;
  });
}

async function look(): Promise<void> {
  const list = await candidates().catch(() => null);
  if (!list) return;
  const ids = list.map((b) => b.id).join('\n');
  if (which.dataset.ids !== ids) {
    which.dataset.ids = ids;
    which.replaceChildren(...list.map((b) => new Option(nameOf(b), b.id, false, b.id === followed)));
    which.hidden = list.length < 2;
  }
  follow(list.find((b) => b.id === which.value) ?? list[0]);
}

which.addEventListener('change', () => void look());
setUpPublish($('publish'));
greet().catch(fail);
void look();
setInterval(() => { if (!document.hidden) void look(); }, POLL);
