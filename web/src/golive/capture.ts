// The page's side of the worker: brings the tracks of a MediaStream to it.

import type { Quality } from './adapt.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { sampleRate } from './sound.ts';
import { GoLiveError } from './types.ts';
import { TrackProcessorClass } from './video.ts';

/** Blocks of sound, of 10 ms each, that may wait for a worker that is busy; older ones are lost. */
const soundBuffer = 200;

export interface Scripts {
  worker: URL;
  worklet: URL;
  aac: URL;
}

export class Capture {
  readonly #worker: Worker;
  readonly #scripts: Scripts;
  #context: AudioContext | undefined;
  #microphone: AudioWorkletNode | undefined;
  #source: MediaStreamAudioSourceNode | undefined;
  #track: MediaStreamTrack | undefined; // our copy of the camera's track
  #video: HTMLVideoElement | undefined; // where there is no other way to frames

  constructor(scripts: Scripts, on: (message: FromWorker) => void) {
    this.#scripts = scripts;
    this.#worker = new Worker(scripts.worker, { type: 'module', name: 'golive' });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => on(data);
    this.#worker.onerror = (event) => {
      on({ type: 'failed', code: 'internal', message: `the encoder's script failed: ${event.message || scripts.worker.href}`, retry: false });
    };
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  /** Loads the encoders while the broadcast is created. */
  prepare(quality: Quality, audioBitrate: number): void {
    this.#post({ type: 'prepare', quality, audioBitrate, aacUrl: this.#scripts.aac.href });
  }

  connect(url: string, protocols: string[], quality: Quality): void {
    this.#post({ type: 'connect', url, protocols, quality });
  }

  /** Sends the stream's tracks from now on, in place of earlier ones. Without sound there is silence. */
  async use(stream: MediaStream): Promise<void> {
    const [camera] = stream.getVideoTracks();
    if (!camera || camera.readyState !== 'live') throw new GoLiveError('camera-denied', 'the stream has no picture');
    this.#useVideo(camera);
    await this.#useAudio(stream);
  }

  #useVideo(camera: MediaStreamTrack): void {
    this.#endVideo();
    const track = camera.clone(); // the page may stop or transfer its own
    this.#track = track;
    if (TrackProcessorClass) {
      const frames = new TrackProcessorClass({ track }).readable;
      this.#post({ type: 'video', frames }, [frames as unknown as Transferable]);
      return;
    }
    if (!isSafari() || !this.#transfer(track)) this.#useElement(track);
  }

  // Safari has the processor in workers only; older versions cannot transfer a track.
  #transfer(track: MediaStreamTrack): boolean {
    try {
      this.#post({ type: 'video', track }, [track as unknown as Transferable]);
      return true;
    } catch {
      return false;
    }
  }

  // Frames of a video element. In a hidden page there are none; the worker then repeats the last one.
  #useElement(track: MediaStreamTrack): void {
    const video = document.createElement('video');
    video.muted = video.playsInline = true;
    video.srcObject = new MediaStream([track]);
    this.#video = video;
    this.#post({ type: 'video' });
    const next = (now: number): void => {
      if (video !== this.#video) return;
      const frame = new VideoFrame(video, { timestamp: Math.round(now * 1_000) });
      this.#post({ type: 'frame', frame }, [frame]);
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
    void video.play().catch(() => undefined);
  }

  // The samples of the track if they have our rate; an audio graph makes others so, and silence where there is
  // no track.
  async #useAudio(stream: MediaStream): Promise<void> {
    const [track] = stream.getAudioTracks();
    if (track && TrackProcessorClass && track.getSettings().sampleRate === sampleRate) {
      this.#endGraph();
      const from = new TrackProcessorClass<AudioData>({ track, maxBufferSize: soundBuffer }).readable;
      this.#post({ type: 'sound', from }, [from as unknown as Transferable]);
      return;
    }
    this.#source?.disconnect();
    this.#source = undefined;
    if (!this.#context) {
      this.#context = new AudioContext({ sampleRate, latencyHint: 'interactive' });
      await this.#context.audioWorklet.addModule(this.#scripts.worklet);
      this.#microphone = new AudioWorkletNode(this.#context, 'golive-microphone', { outputChannelCount: [2] });
      // A node is only run if it leads somewhere; it puts out silence.
      this.#microphone.connect(this.#context.destination);
      const { port1, port2 } = new MessageChannel();
      this.#microphone.port.postMessage(port1, [port1]);
      this.#post({ type: 'sound', from: port2 }, [port2]);
      // Without a tap on the page this stays pending: the broadcast then has no sound until there is one.
      void this.#context.resume().catch(() => undefined);
    }
    if (track) {
      this.#source = this.#context.createMediaStreamSource(stream);
      this.#source.connect(this.#microphone!);
    }
  }

  #endGraph(): void {
    this.#source?.disconnect();
    void this.#context?.close().catch(() => undefined);
    this.#source = this.#context = undefined;
  }

  #endVideo(): void {
    this.#track?.stop();
    this.#track = undefined;
    if (this.#video) this.#video.srcObject = null;
    this.#video = undefined;
  }

  /** Asks the worker to send what is encoded; it answers "stopped". */
  stop(): void {
    this.#post({ type: 'stop' });
  }

  /** Ends everything at once. */
  close(): void {
    this.#worker.terminate();
    this.#endVideo();
    this.#endGraph();
  }
}

// Only Safari can transfer tracks to a worker that has the processor; others throw late or never.
function isSafari(): boolean {
  return /^Apple/.test(navigator.vendor);
}
