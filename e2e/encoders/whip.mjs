// Publishes the streams of FILE, H.264 and Opus, by WHIP in real time, with FFmpeg's muxer:
// node whip.mjs FILE ENDPOINT TOKEN

// Node 20 does not have it, and node-av needs it.
Promise.withResolvers ??= () => {
  const deferred = {};
  deferred.promise = new Promise((resolve, reject) => Object.assign(deferred, { resolve, reject }));
  return deferred;
};
const { Demuxer, Muxer } = await import('node-av/api');

const [, , file, url, token] = process.argv;
const input = await Demuxer.open(file);
const output = await Muxer.open(url, { format: 'whip', options: { authorization: token } });
const streams = new Map(input.streams.map((s) => [s.index, { base: s.timeBase, index: output.addStream(s) }]));
const began = Date.now();
for await (const packet of input.packets()) {
  if (!packet) continue;
  const { base, index } = streams.get(packet.streamIndex);
  const due = began + (Number(packet.dts) * base.num * 1000) / base.den;
  await new Promise((done) => setTimeout(done, due - Date.now()));
  await output.writePacket(packet, index);
}
await output.close();
await input.close();
