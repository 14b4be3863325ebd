// Package catalog says what is in a bucket, whose it is, and until when it is
// kept.
//
// A Layout makes the keys of all objects. A Manifest describes one broadcast so
// that its objects can be found without a list of the bucket: it is put before the
// first of them, and when the broadcast has ended it is filed under the time at
// which all of it is to be deleted. A Sweeper deletes what is due then, whichever
// node of a fleet aired it.
//
// Package catalog does not know the text of a playlist or what a broadcast is
// doing.
//
// Sweeper.Run blocks; Sweep deletes with a few goroutines and waits for them.
package catalog
