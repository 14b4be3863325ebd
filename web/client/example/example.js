// A whole broadcaster. ?server=URL names the golive server, and #token=TOKEN the user.
import { GoLive } from '../dist/golive.js';

const at = (id) => document.getElementById(id);
const live = new GoLive({
  baseUrl: new URLSearchParams(location.search).get('server') ?? './',
  token: new URLSearchParams(location.hash.slice(1)).get('token') ?? 'dev:example',
});
window.live = live;
live.on('state', ({ state, reason }) => { at('state').textContent = reason ? `${state}: ${reason}` : state; });
live.on('error', ({ code, message }) => { at('state').textContent = `${code}: ${message}`; });

at('start').onclick = async () => {
  at('start').disabled = true;
  try {
    const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720 }, audio: true });
    at('preview').srcObject = camera;
    window.tapped = Date.now();
    const broadcast = await live.start(camera, { title: 'An example' });
    window.admitted = Date.now();
    at('watch').href = broadcast.playback.watch;
    at('watch').hidden = false;
    at('stop').disabled = false;
  } catch (error) {
    at('state').textContent = `${error.code ?? error.name}: ${error.message}`;
  }
};
at('stop').onclick = async () => {
  at('stop').disabled = true;
  await live.stop();
};
