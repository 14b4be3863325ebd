// Package pictures makes a poster and a preview of key pictures, as JPEG, with ffmpeg.
//
// A Maker is the node's. Its workers decode one key picture at a time, each with a short run
// of ffmpeg at the lowest priority, and rest in between, so that pictures are made less often on
// a busy machine. A Feed is a broadcast's: Feed.Offer takes a key picture and never blocks. Only
// the newest picture waits.
//
// A Storyboard combines previews in Sheets, each one JPEG with several rows. An Index lists the
// Sheets of a broadcast and renders the WebVTT file in which players find the preview of a time.
//
// Package pictures does not know publishers, viewers, storage or HTTP.
//
// Maker.Run starts a goroutine for each worker and waits for them; a worker reads each of
// ffmpeg's outputs with a goroutine that it waits for.
package pictures
