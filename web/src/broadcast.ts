// The screen to go live: choose a source, look at it, go on air, end.

import { accountToken, permission, setToken, whyNot } from './account.ts';
import { rootURL } from './address.ts';
import { capture, listDevices, measureLevel, type Capture, type Kind } from './capture.ts';
import { copyText } from './copy.ts';
import { GoLive, GoLiveError, type StartSettings } from './golive/golive.ts';
import { OnAir } from './onair.ts';
import { captureProblem, errorWords, type Words } from './words.ts';

const $ = <T extends HTMLElement = HTMLElement>(name: string): T => document.querySelector(`[data-${name}]`) as T;
const form = $<HTMLFormElement>('form');
const field = <T extends HTMLInputElement | HTMLSelectElement>(name: string): T => form.elements.namedItem(name) as T;
const video = $<HTMLVideoElement>('preview');
const cameraList = $<HTMLSelectElement>('camera');
const microphoneList = $<HTMLSelectElement>('microphone');

let captured: Capture | null = null;
let choosing = 0; // counts choices, of which only the last is used
let client: GoLive | null = null; // of the next broadcast
let onAir: OnAir | null = null;
let allowed = false;
let stopMeter = (): void => {};

function problem(words: Words | null, link?: { href: string; text: string }): void {
  $('problem').hidden = !words;
  $('problem-title').textContent = words?.title ?? '';
  $('problem-text').textContent = words?.text ?? '';
  const a = $<HTMLAnchorElement>('problem-link');
  a.hidden = !link;
  if (link) Object.assign(a, { href: link.href, textContent: link.text });
}

const ready = (): void => { $<HTMLButtonElement>('start').disabled = !captured || !allowed || !globalThis.isSecureContext; };
/** What is wrong with the page itself: an insecure one has neither cameras nor encoders. */
const pageProblem = (): Words | null => (globalThis.isSecureContext ? null : captureProblem('camera', null));

async function choose(kind: Kind): Promise<void> {
  const mine = ++choosing;
  for (const button of document.querySelectorAll<HTMLElement>('[data-source]')) button.setAttribute('aria-pressed', String(button.dataset.source === kind));
  problem(pageProblem());
  if (captured?.kind === kind || kind === 'camera') release(); // a camera may be open only once
  try {
    const next = await capture(kind, { camera: cameraList.value, microphone: microphoneList.value });
    if (mine !== choosing) return next.stop();
    const before = captured;
    use(next);
    await onAir?.replace(next.stream);
    before?.stop();
    if (kind === 'camera') await fillDevices();
  } catch (error) {
    if (mine !== choosing) return;
    for (const button of document.querySelectorAll<HTMLElement>('[data-source]')) button.setAttribute('aria-pressed', String(button.dataset.source === captured?.kind));
    problem(captureProblem(kind, error));
  }
  $('devices').hidden = captured?.kind !== 'camera';
  ready();
}

function use(next: Capture): void {
  captured = next;
  prepare();
  video.srcObject = next.stream;
  void video.play().catch(() => {}); // another source came first
  $('stage-note').hidden = true;
  document.querySelector('.stage')?.toggleAttribute('data-mirrored', next.kind === 'camera');
  stopMeter();
  const sound = next.stream.getAudioTracks().length > 0;
  $('meter').hidden = !sound;
  if (sound) stopMeter = measureLevel(next.stream, showLevel);
  next.stream.getVideoTracks()[0]?.addEventListener('ended', () => {
    if (captured !== next) return;
    problem({ title: 'The picture has stopped', text: 'The screen is shared no more, or the camera was removed. Choose a source again.' });
    if (!onAir) release();
  });
}

/** Loads the encoders while the person looks at the picture. */
function prepare(): void {
  if (!captured || onAir) return;
  client ??= new GoLive({ baseUrl: rootURL(''), token: async () => accountToken() });
  client.prepare(captured.stream).catch(() => {}); // start() tells what is wrong
}

function release(): void {
  void client?.stop();
  client = null;
  captured?.stop();
  captured = null;
  stopMeter();
  stopMeter = () => {};
  video.srcObject = null;
  $('stage-note').hidden = false;
  $('meter').hidden = true;
  ready();
}

function showLevel(level: number): void {
  const meter = $('meter');
  meter.style.setProperty('--level', level.toFixed(3));
  meter.setAttribute('aria-valuenow', String(Math.round(level * 100)));
}

// The names of devices are told only when one is in use.
async function fillDevices(): Promise<void> {
  const { cameras, microphones } = await listDevices();
  const fill = (list: HTMLSelectElement, devices: MediaDeviceInfo[], word: string, used: string | undefined): void => {
    list.replaceChildren(...devices.map((d, i) => new Option(d.label || `${word} ${i + 1}`, d.deviceId, false, d.deviceId === used)));
  };
  fill(cameraList, cameras, 'Camera', captured?.stream.getVideoTracks()[0]?.getSettings().deviceId);
  fill(microphoneList, microphones, 'Microphone', captured?.stream.getAudioTracks()[0]?.getSettings().deviceId);
}

async function start(): Promise<void> {
  if (!captured || onAir) return;
  problem(null);
  const settings: StartSettings = {
    visibility: field<HTMLSelectElement>('visibility').value as 'public' | 'unlisted' | 'private',
    preview: field<HTMLInputElement>('preview').checked,
  };
  const title = field('title').value.trim();
  if (title) settings.title = title;
  $('setup').hidden = true;
  $('air').hidden = false;
  prepare();
  onAir = new OnAir(client!, title);
  client = null;
  onAir.addEventListener('over', () => release());
  onAir.addEventListener('problem', (event) => problem((event as CustomEvent<Words | null>).detail));
  try {
    await onAir.start(captured.stream, settings);
  } catch (error) {
    const { code, message } = error instanceof GoLiveError ? error : { code: 'internal' as const, message: String(error) };
    const studio = code === 'no-encoder' ? { href: rootURL('studio'), text: 'Open the studio' } : undefined;
    back();
    problem(errorWords(code, message), studio);
  }
}

/** Shows what there is to choose again. */
function back(): void {
  onAir?.close();
  onAir = null;
  $('setup').hidden = false;
  $('air').hidden = true;
  problem(null);
  prepare();
  ready();
}

async function greet(): Promise<void> {
  const may = await permission();
  allowed = may?.allowed ?? false;
  $('token-form').hidden = may !== null || document.body.dataset.openApi === 'true';
  if (!allowed) problem({ title: 'You cannot go live', text: whyNot(may) }, may?.fallback_url ? { href: may.fallback_url, text: 'Find out more' } : undefined);
  else problem(pageProblem());
  ready();
}

for (const button of document.querySelectorAll<HTMLElement>('[data-source]')) {
  button.addEventListener('click', () => void choose(button.dataset.source as Kind));
}
for (const list of [cameraList, microphoneList]) list.addEventListener('change', () => void choose('camera'));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  void start();
});
$('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  setToken(($<HTMLFormElement>('token-form').elements.namedItem('token') as HTMLInputElement).value);
  void greet().catch(offline);
});
$('again').addEventListener('click', back);
$('copy-link').addEventListener('click', () => copyText($('link').textContent ?? '', $('copy-link')));
$('publish-now').addEventListener('click', () => void onAir?.publish());
const ask = $<HTMLDialogElement>('ask');
$('stop').addEventListener('click', () => {
  ask.returnValue = '';
  ask.showModal();
});
ask.addEventListener('close', () => { if (ask.returnValue === 'yes') void onAir?.stop(); });
addEventListener('beforeunload', (event) => { if (onAir?.running) event.preventDefault(); });

const offline = (): void => problem(errorWords('network', ''));
greet().catch(offline);

