// Package playlist renders HLS playlists, and holds the live window of a rendition.
//
// A Window is one rendition's sliding live state. Open, Part and Close add segments and
// parts; Commit makes them visible together, as an immutable Snapshot with its text already
// rendered. Readers load the newest Snapshot, or Await one with a certain segment or part;
// they share only an atomic pointer and a channel with the writer. Stored and Replay
// render playlists from the segments in storage. Section numbers are those of
// draft-pantos-hls-rfc8216bis.
//
// Package playlist does not know how segments are made, nor HTTP.
//
// It starts no goroutine. A Window has one writer and any number of readers.
package playlist
