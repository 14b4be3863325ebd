// Package harness runs the programs that the e2e tests need: golive (Start), programs that
// publish to it (Publish, Launch), Chromium (OpenBrowser), Firefox (OpenFirefox), a strict
// player (Follow), ffprobe (DecodeErrors), a bad network between any two of them (StartProxy),
// an S3-compatible store (S3Storage), and nginx (StartNginx). CPUSeconds, ResidentBytes and
// Scrape measure a process.
//
// A test package calls Main in its TestMain, with its Sources. What a test starts ends with
// that test, which fails if it does not end cleanly. Screenshots are written to e2e/out.
//
// How fast and smoothly pages play is checked only if GOLIVE_STRICT is set (Strict), on an
// otherwise idle machine: make field and make latency set it.
//
// Package harness does not know how golive works: it uses its commands, ports, URLs and files, and
// the packages internal/hlscheck and storage/s3/s3test. It has no build tag, so that it is always
// compiled; only tests import it.
//
// It starts a goroutine for each process, console of a page, Firefox, viewer, follower and
// proxied connection; the cleanup of the test waits for all of them.
package harness
