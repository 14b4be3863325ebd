// Command floor is the baseline of the cost benchmark: it reads and parses RTMP, and drops the
// access units. The benchmark runs it beside the real server, so that the difference is the
// cost of everything else.
//
// Command floor does not know segments, playlists or storage.
//
// It starts the goroutines of its two servers and waits for them.
package main
