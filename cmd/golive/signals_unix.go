//go:build unix

package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ignoredSignals returns the signals that would end the server by default but are sent for
// other reasons: SIGHUP for a reload, by logrotate, and by a terminal that is closed; SIGUSR1
// and SIGUSR2 to reopen logs and to upgrade; SIGPIPE if the reader of the log is gone.
//
// SIGINT and SIGTERM end the server in order, SIGQUIT ends it with the stacks of its
// goroutines. All others have no effect on a Go program, or are crashes.
func ignoredSignals() []os.Signal {
	return []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE}
}

// asksForReload reports whether the signal asks to read the configuration again.
func asksForReload(s os.Signal) bool { return s == syscall.SIGHUP }

// explain returns the name of a caught signal and a hint for the operator, which is empty for
// SIGPIPE: the write fails as well.
func explain(s os.Signal) (name, hint string) {
	number, ok := s.(syscall.Signal)
	if !ok {
		return s.String(), ""
	}
	name = unix.SignalName(number)
	if number == syscall.SIGUSR1 || number == syscall.SIGUSR2 {
		hint = "golive ignores this signal; to rotate the log use copytruncate, SIGTERM ends golive in order"
	}
	return name, hint
}
