// Package notices holds the licences of the software that golive's binary contains:
// the Go modules that are linked into it, Go's own library, and the JavaScript in its
// pages.
//
// The program in generate makes the text from the sources that the Go command has downloaded
// and the files in npm; its test fails if the text does not match the binary.
//
// Package notices does not know where the text is shown. It starts no goroutine.
package notices
