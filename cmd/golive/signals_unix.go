//go:build unix

package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// survivedSignals returns the signals whose default effect would be the end of the
// server, or nothing at all without a word, though they are sent for other reasons:
// SIGHUP by logrotate, for a reload, and by a terminal that is closed; SIGUSR1 and
// SIGUSR2 to reopen logs and to upgrade; SIGPIPE by a log whose reader has gone.
//
// SIGINT and SIGTERM end the server in order, SIGQUIT ends it with the stacks of its
// goroutines. All others have no effect on a Go program, or are crashes.
func survivedSignals() []os.Signal {
	return []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE}
}

// explain returns the name of a caught signal and what the operator should know about
// it; nothing where a write that failed says all there is.
func explain(s os.Signal) (name, hint string) {
	number, ok := s.(syscall.Signal)
	if !ok {
		return s.String(), ""
	}
	name = unix.SignalName(number)
	switch number {
	case syscall.SIGHUP:
		hint = "nothing was reloaded: restart golive for a changed configuration; certificate files are read again when they change; to rotate the log use copytruncate"
	case syscall.SIGUSR1, syscall.SIGUSR2:
		hint = "golive does nothing at this signal; to rotate the log use copytruncate, SIGTERM ends golive in order"
	}
	return name, hint
}
