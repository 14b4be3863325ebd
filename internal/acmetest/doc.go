// Package acmetest runs a real ACME authority for the tests: pebble, which Let's
// Encrypt tests its clients with.
//
// Start returns an authority that validates every domain at this machine, at the given ports.
// `make bin/pebble` builds the program, whose version is pinned in tools/go.mod; without it
// tests are skipped, except in CI, where they fail.
//
// Package acmetest does not know golive.
//
// Start starts a goroutine that serves DNS to the authority, and ends it with the test.
package acmetest
