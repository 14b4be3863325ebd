// Package acmetest runs a real ACME authority for the tests: pebble, which Let's
// Encrypt tests its clients with.
//
// Start gives an authority that looks at any domain on this machine, at the ports
// it is told. `make bin/pebble` builds the program, whose version is pinned in
// tools/go.mod; without it tests are skipped, but for CI, where they fail.
//
// Package acmetest does not know golive.
//
// Start starts a goroutine that answers the authority's questions for addresses,
// and ends it with the test.
package acmetest
