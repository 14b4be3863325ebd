// Package broadcast owns one live stream's life and death, and the Hub of them
// all.
//
// A publisher enters through Hub.Publish, which gives it a Sink: the access units
// written there are cut, muxed and made visible on the publisher's own goroutine.
// Readers find a Broadcast by its id and read the snapshots of its Renditions' Windows.
// The stages that do not know each other meet here: segmenter, playlist and archive.
//
// A publisher is accepted from memory. A keeper writes what is finished to the local
// disk and brings it to the bucket; an index renders the bucket's playlists from its
// records. A restart goes on from the records, and so does another node.
//
// The life: starting → live → reconnecting → ended. Each Broadcast has a
// supervisor that alone decides about it: who may publish, when a lost publisher
// has been waited for long enough, when an ended broadcast is forgotten.
//
// Package broadcast does not know wire protocols or HTTP.
//
// Hub.Run waits for all goroutines: a supervisor and a keeper for each broadcast,
// started by Publish. For a local disk that does not answer it waits a bounded time.
package broadcast
