// What an app does with a client that was generated from golive's OpenAPI document.
import { client } from './client/client.gen.js';
import {
  changeBroadcast, createBroadcast, deleteBroadcast, endBroadcast, getBroadcast, listBroadcasts, mayGoLive, rotateKey, watchBroadcast,
} from './client/index.js';
import type { Broadcast, CreatedBroadcast } from './client/index.js';

type Answers = { checkedFetch: typeof fetch; checkEvent(data: unknown): void };

function same<T>(what: string, got: T, want: T): void {
  if (got !== want) throw new Error(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

// done returns the data of an answer, which must have that status.
function done<T>(what: string, { data, error, response }: { data?: T; error?: unknown; response?: Response }, status: number): T {
  if (response?.status !== status) throw new Error(`${what}: ${response?.status} ${JSON.stringify(error)}, want ${status}`);
  return data as T;
}

// run creates a broadcast, uses it, ends it and deletes it. It returns its id.
export async function run(baseUrl: string, { checkedFetch, checkEvent }: Answers): Promise<string> {
  client.setConfig({ baseUrl, auth: () => 'dev:alice', fetch: checkedFetch });
  const mallory = { auth: () => 'dev:mallory' };

  const may = done('may', await mayGoLive(), 200);
  same('alice may go live', may.allowed, true);
  const other = await mayGoLive({ headers: { 'Golive-User': 'bob' } });
  same('for somebody else', other.response?.status, 403);
  same('a reason', other.error?.detail, 'only an API key can act for another user with Golive-User');

  const nobody = await createBroadcast({ auth: () => undefined, body: {} });
  same('created by nobody', nobody.response?.status, 401);
  const long = await createBroadcast({ body: { title: 'x'.repeat(201) } });
  same('a long title', long.response?.status, 422);
  same('where', long.error?.errors?.[0]?.location, 'body.title');

  const request = { body: { title: 'Sunset', visibility: 'unlisted', preview: true }, headers: { 'Idempotency-Key': 'sunset-1' } } as const;
  const b: CreatedBroadcast = done('create', await createBroadcast(request), 201);
  same('its title', b.title, 'Sunset');
  same('its state', b.state, 'created');
  same('its owner', b.owner, 'alice');
  same('RTMP', b.ingest.rtmp?.startsWith('rtmp://'), true);
  same('RTMPS', b.ingest.rtmps, null);
  same('its playlist', b.playback.hls.endsWith('/index.m3u8'), true);
  same('settings', b.recommended_settings.video.height > 0, true);
  const again = done('create again', await createBroadcast(request), 201);
  same('the same id', again.id, b.id);
  same('the same key', again.stream_key, b.stream_key);

  const path = { id: b.id };
  const states: string[] = [];
  const events = await watchBroadcast({ path, sseMaxRetryAttempts: 1, onSseError: (e) => { throw e; } });
  const watched = (async () => {
    for await (const event of events.stream) {
      checkEvent(event);
      if ('state' in event) states.push(event.state);
    }
  })();

  const changed: Broadcast = done('change', await changeBroadcast({ path, body: { title: 'Sunrise' } }), 200);
  same('another title', changed.title, 'Sunrise');
  same('the visibility stays', changed.visibility, 'unlisted');
  same('not transcoded', changed.transcoding, null);
  const key = done('rotate', await rotateKey({ path }), 200);
  same('another key', key.stream_key !== b.stream_key && key.stream_key.length > 20, true);
  const page = done('list', await listBroadcasts({ query: { owner: 'me', state: 'created' } }), 200);
  same('listed', page.broadcasts.map(({ id, title }) => id + title).join(), b.id + 'Sunrise');
  same('ended by another user', (await endBroadcast({ ...mallory, path })).response?.status, 404); // a preview is not known to others

  const ended = done('end', await endBroadcast({ path }), 200);
  same('its state', ended.state, 'ended');
  same('its end', ended.ended_at !== null, true);
  await watched;
  same('the states that were seen', states.join(), 'created,ended');
  same('another key after the end', (await rotateKey({ path })).response?.status, 409);
  done('delete', await deleteBroadcast({ path }), 204);
  same('deleted', (await getBroadcast({ path })).response?.status, 404);
  return b.id;
}
