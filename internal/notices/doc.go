// Package notices holds the licences of the software that golive's binary contains:
// the Go modules that are linked into it, Go's own library, and the JavaScript in its
// pages.
//
// The text is made by the program in generate, from the sources that the Go command
// has downloaded and the files in npm; its test fails when the text is not that of the
// binary.
//
// Package notices does not know who shows the text. It starts no goroutine.
package notices
