// Package loglimit bounds how many log lines peers can cause.
//
// A Limiter logs the first lines of a kind, and then once a second how many more there
// were. Lines are of one kind when they have the same message and the same reason.
//
// Package loglimit does not know what the lines are about.
//
// It starts no goroutine but a timer for each kind of line that was logged in the last
// seconds; Flush stops them.
package loglimit
