// Package health makes issues of what the server measures of an incoming stream: of what type, how
// severe, since when, what was measured, and what the broadcaster should do.
//
// A warning enters as its code, its text and its beginning. Package health does not know how it was
// measured. It starts no goroutine.
package health
