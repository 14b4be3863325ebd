// Command generate writes the notices of all software in golive's binary to a file.
//
//	generate FILE
//
// It asks the Go command which packages are linked, on every system that golive is
// built for, and takes the licence and notice files of their folders and of those
// above, up to the module's root. Packages of npm, which are not there on every
// machine, have theirs in internal/notices/npm.
//
// Command generate does not know what a licence requires. It starts no goroutine.
package main
