// Command floor is the least that any server for these streams must do: it reads
// and parses RTMP, and drops the access units. The cost benchmark runs it beside
// the real server, so that the difference is what golive adds.
//
// Command floor does not know segments, playlists or storage.
//
// It starts the goroutines of its two servers and waits for them.
package main
