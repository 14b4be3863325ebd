// Package interop tests golive with real encoders on bad networks: ffmpeg, GStreamer and OBS
// Studio, over an uplink that is cut, delayed and throttled, and across restarts of golive.
//
// Each stream is read by two clients at once, internal/hlscheck as a strict one
// and the watch page in Chromium as a real one, and its bytes by ffprobe.
// Screenshots are written to e2e/out.
//
// The tests with the build tag e2e need ffmpeg and Chromium and run by
// `make e2e`; those with the tag interop need GStreamer and OBS Studio too and
// run by `make interop`. The uplink test's length is set by -cuts and -minutes.
//
// Package interop does not know golive's packages: it uses its commands, ports, URLs and files.
//
// Each test starts the processes and goroutines it needs and waits for them.
package interop
