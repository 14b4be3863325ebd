// Package broadcast runs live streams from their first publisher to their end: each is a
// Broadcast, and the Hub holds all of them.
//
// A publisher enters through Hub.Publish, which gives it a Sink: the access units
// written there are cut, muxed and made visible on the publisher's own goroutine.
// Readers find a Broadcast by its id and read the snapshots of its Renditions' Windows.
// The packages segmenter, playlist and archive, which do not know each other, meet here.
//
// The renditions other than the source are rungs: a transcoder makes them from the source's
// cuts, or the publisher sends them as additional video tracks. Each is cut where the source is.
//
// Accepting a publisher needs no disk and no bucket. An archiver writes finished segments to
// the local disk and uploads them to the bucket; an index renders the bucket's playlists from its
// records. A restart continues from the records, and so does another node that takes over.
//
// The states: starting → live → reconnecting → ended. Each Broadcast has a
// supervisor that alone decides about it: which publisher may publish, when the reconnect
// window has passed, when an ended broadcast is forgotten.
//
// Package broadcast does not know wire protocols or HTTP.
//
// Hub.Run waits for all goroutines: a supervisor, an archiver and the transcoding jobs of each
// broadcast, started by Publish and by the publisher's units. It waits only a bounded time for a
// local disk that does not answer.
package broadcast
