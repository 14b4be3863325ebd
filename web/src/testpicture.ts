// A picture and a tone of its own, for a machine without a camera: colours, a moving ball, a clock, and a
// short tone each second. It goes on in a page in the background, whose own timers are slow.

const WIDTH = 1280;
const HEIGHT = 720;
export const FRAME_RATE = 30;
const BARS = ['#e9edf2', '#f2c230', '#28b7c9', '#2fae60', '#b04fc4', '#d8344a', '#2f5fd0'];

/** A source of media that the page makes itself. */
export interface TestPicture {
  stream: MediaStream;
  stop(): void;
}

function draw(c: CanvasRenderingContext2D, now: Date): void {
  const second = now.getTime() % 1000 / 1000;
  BARS.forEach((colour, i) => {
    c.fillStyle = colour;
    c.fillRect(Math.floor(i * WIDTH / BARS.length), 0, Math.ceil(WIDTH / BARS.length), HEIGHT);
  });
  c.fillStyle = '#12151cee';
  c.fillRect(WIDTH / 2 - 330, HEIGHT / 2 - 110, 660, 220);
  c.fillStyle = '#ffffff';
  c.textAlign = 'center';
  c.textBaseline = 'middle';
  c.font = '700 96px ui-monospace, monospace';
  const two = (n: number): string => String(n).padStart(2, '0');
  c.fillText(`${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}.${Math.floor(second * 10)}`, WIDTH / 2, HEIGHT / 2 - 18);
  c.font = '500 34px system-ui, sans-serif';
  c.fillText('golive test picture', WIDTH / 2, HEIGHT / 2 + 66);
  const turn = now.getTime() % 4000 / 4000 * 2 * Math.PI;
  c.beginPath();
  c.arc(WIDTH / 2 + Math.sin(turn) * 540, HEIGHT - 130 - Math.abs(Math.cos(turn)) * 60, 44, 0, 2 * Math.PI);
  c.fillStyle = second < 0.12 ? '#ffffff' : '#12151c'; // it flashes with the tone
  c.fill();
}

/** Starts the test picture. */
export function startTestPicture(): TestPicture {
  const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) throw new DOMException('this browser cannot draw', 'NotSupportedError');
  draw(context, new Date());
  const audio = new AudioContext({ sampleRate: 48_000 });
  const output = audio.createMediaStreamDestination();
  const level = audio.createGain();
  level.gain.value = 0;
  const tone = new OscillatorNode(audio, { frequency: 880 });
  tone.connect(level).connect(output);
  tone.start();
  const beep = (): void => {
    const at = audio.currentTime + 1 - Date.now() % 1000 / 1000; // the next full second
    level.gain.setTargetAtTime(0.12, at, 0.005);
    level.gain.setTargetAtTime(0, at + 0.12, 0.01);
  };
  let beeped = 0;
  const ticker = new Worker(new URL('./ticker.worker.js', import.meta.url), { type: 'module' });
  ticker.onmessage = () => {
    const now = new Date();
    draw(context, now);
    const second = Math.floor(now.getTime() / 1000);
    if (second !== beeped) beep();
    beeped = second;
  };
  void audio.resume();

  const stream = new MediaStream([...canvas.captureStream(FRAME_RATE).getVideoTracks(), ...output.stream.getAudioTracks()]);
  return {
    stream,
    stop() {
      ticker.terminate();
      for (const track of stream.getTracks()) track.stop();
      void audio.close();
    },
  };
}
