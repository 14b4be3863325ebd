// Package e2e tests the whole house from the outside: a built golive, the real
// ffmpeg as encoder and as witness, the real Chromium as player. The package harness
// below it runs them.
//
// The tests have the build tag e2e and run by `make e2e`. They need ffmpeg,
// ffprobe, Chromium, and hls.js in web/assets/vendor. They build golive
// themselves; GOLIVE_BIN names a binary to test instead. Screenshots land in
// e2e/out.
//
// Package e2e does not know any package's insides: it uses the commands, ports,
// URLs and files that everybody has, and internal/hlscheck to read them.
//
// It starts no goroutine of its own; the harness's end with the test.
package e2e
