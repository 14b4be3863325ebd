// Package loglimit bounds the number of log lines that peers can cause.
//
// A Limiter logs the first lines of a kind, and then once a second the number of further
// ones. Lines with the same message and reason are of one kind.
//
// Package loglimit does not know the content of lines.
//
// It starts no goroutine, but a timer for each kind of line that was logged in the last
// seconds; Flush stops the timers.
package loglimit
