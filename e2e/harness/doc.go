// Package harness runs the real things that the tests below e2e need: a golive that
// was built (Start), the programs that publish to it (Publish, Launch), a Chromium
// that shows its pages (OpenBrowser), a strict player beside it (Follow), ffprobe as
// witness (Complaints), a bad network between any two of them (StartProxy), an
// S3-compatible store (S3Storage), and nginx beside it (StartNginx). What a process
// costs and counts is told by CPUSeconds, ResidentBytes and Scrape.
//
// A test package calls Main in its TestMain, and keeps its Sources there. What a test
// starts ends with that test, and fails it where it does not end cleanly. Screenshots
// land in e2e/out.
//
// How soon and how smoothly pages play is judged only while GOLIVE_STRICT is set, on a
// machine with nothing else to do (Strict): make field and make latency set it.
//
// Package harness does not know golive's insides: it uses the commands, ports, URLs
// and files that everybody has. It has no build tag, so that a change of it is always
// compiled; it is imported by tests alone.
//
// It starts a goroutine for each process, page's console, viewer, follower and proxied
// connection; the test's cleanup waits for all of them.
package harness
