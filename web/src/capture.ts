// Where the picture and the sound of a broadcast come from: camera, screen or test picture.

import { startTestPicture } from './testpicture.ts';

export type Kind = 'camera' | 'screen' | 'test';

export interface Devices {
  camera?: string;
  microphone?: string;
}

/** What is being captured. */
export interface Capture {
  kind: Kind;
  stream: MediaStream;
  stop(): void;
}

const VIDEO: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

const device = (id: string | undefined): MediaTrackConstraints => (id ? { deviceId: { exact: id } } : {});
const withStop = (kind: Kind, stream: MediaStream): Capture => ({ kind, stream, stop: () => stream.getTracks().forEach((t) => t.stop()) });

async function camera(devices: Devices): Promise<Capture> {
  const audio = { ...device(devices.microphone), echoCancellation: true, noiseSuppression: true };
  return withStop('camera', await navigator.mediaDevices.getUserMedia({ video: { ...VIDEO, ...device(devices.camera) }, audio }));
}

/** The screen with its own sound if the browser gives that, and otherwise with the microphone if it may. */
async function screen(): Promise<Capture> {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { ...VIDEO, width: { ideal: 1920 }, height: { ideal: 1080 } }, audio: true });
  if (stream.getAudioTracks().length === 0) {
    const voice = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => null);
    for (const track of voice?.getAudioTracks() ?? []) stream.addTrack(track);
  }
  return withStop('screen', stream);
}

/** Begins to capture. The errors are those of getUserMedia; see captureProblem. */
export async function capture(kind: Kind, devices: Devices): Promise<Capture> {
  if (kind === 'test') {
    const { stream, stop } = startTestPicture();
    return { kind, stream, stop };
  }
  if (!navigator.mediaDevices) throw new DOMException('no devices on an insecure page', 'SecurityError');
  return kind === 'camera' ? camera(devices) : screen();
}

/** The cameras and microphones that the page may know of. */
export async function listDevices(): Promise<{ cameras: MediaDeviceInfo[]; microphones: MediaDeviceInfo[] }> {
  const all = await navigator.mediaDevices.enumerateDevices();
  return { cameras: all.filter((d) => d.kind === 'videoinput'), microphones: all.filter((d) => d.kind === 'audioinput') };
}

/** Calls `show` with the level of a stream's sound, from 0 to 1, until the returned function is called. */
export function measureLevel(stream: MediaStream, show: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  context.createMediaStreamSource(stream).connect(analyser);
  void context.resume();
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, s) => sum + s * s, 0) / samples.length;
    show(level(power));
  }, 80);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

/** The mean power of samples as a level: 0 at −60 dB, 1 at full scale. */
export const level = (power: number): number => (power > 0 ? Math.min(1, Math.max(0, 1 + Math.log10(power) / 6)) : 0);
