// Package archive keeps the durable record of a broadcast: one local file for each
// finished segment, and one append-only log of their state. Everything that
// outlives the process is derived from that log.
//
// Segments enter through Recording.Offer, which never waits. Recording.Run writes
// each to its file and appends a record; from then on it can be read back with
// Recording.Open, and memory need not keep it. An Uploader walks the log in order and
// uploads segments, and then the playlists that name them, to a bucket. A restart
// replays the log: Store.Recover.
//
// A log is a folder of pages, each a file of JSON records, one a line. A page begins
// with a header with the state of the broadcast, so that a restart reads the last
// page or two. Pages that are full never change. The uploader puts pages of the same
// records into the bucket, beside the media, from where another node reads them.
// docs/archive.md is the format.
//
// An ended broadcast's header is filed as a manifest under the time at which all of it is
// to be deleted; a Sweeper does that.
//
// Package archive does not know live viewers or the text of a playlist. It may be slow
// without an effect on viewers and publishers.
//
// Store.Run, Recording.Run, Uploader.Run and Sweeper.Run block. Reading logs and deleting
// start a few goroutines and wait for them.
package archive
