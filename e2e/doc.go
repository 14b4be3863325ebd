// Package e2e tests the whole program from the outside: with ffmpeg as encoder and decoder, and
// Chromium as player. Package harness runs them.
//
// The tests have the build tag e2e and run by `make e2e`. They need ffmpeg,
// ffprobe, Chromium, and hls.js in web/assets/vendor. They build golive
// themselves; GOLIVE_BIN names a binary to test instead. Screenshots are written
// to e2e/out.
//
// Those with the tag field too run by `make field`, which installs Firefox, mpv,
// GStreamer and VLC as players, and FFmpeg 8 as encoder.
//
// Packages below it test parts: interop publishers, browser publishing from a page, store the
// archive and its stores, ladder renditions and pictures, pages the pages for people, and product
// the API. Packages load and cost measure what streams and viewers cost.
//
// Package e2e does not know how golive works: it uses its commands, ports, URLs and files, and
// internal/hlscheck to read them. Two tests call other packages: TestFFmpeg_ReadsFragments the
// segmenter and its containers, and those of latency the publisher of golive publish.
//
// It starts no goroutines itself; those of the harness end with the test.
package e2e
