// Package broadcast owns one live stream's life and death, and the Hub of them
// all.
//
// A publisher enters through Hub.Publish, which gives it a Sink: the access units
// written there are cut, muxed and made visible on the publisher's own goroutine.
// Readers find a Broadcast by its id and read its Windows' snapshots. The stages
// that are strangers to each other meet here: segmenter, playlist and storage.
//
// The life: starting → live → reconnecting → ended. Each Broadcast has a
// supervisor that alone decides about it: who may publish, when a lost publisher
// has been waited for long enough, when an ended broadcast is forgotten.
//
// Package broadcast does not know wire protocols or HTTP.
//
// Hub.Run waits for all goroutines: a supervisor and an archiver for each
// broadcast, started by Publish.
package broadcast
