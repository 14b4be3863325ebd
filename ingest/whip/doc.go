// Package whip serves publishers over WHIP (RFC 9725), which is WebRTC: browsers, phones, OBS
// Studio from 30 on.
//
// A Server answers the HTTP requests, and exchanges media over one UDP port. The RTP packets of
// H.264 are put in order and assembled to pictures; Opus becomes AAC in an ffmpeg child process.
// Both go as access units to an ingest.Session, on one clock, which sender reports join.
//
// Package whip does not know HLS, segments, storage, or who else publishes.
//
// Serve waits for all sessions. Each has one goroutine that owns it, one for each track and each
// receiver of reports, and, while there is sound, those of a child process: one that feeds it, and
// two that read what it writes. The WebRTC library has its own, which end with the session.
package whip
