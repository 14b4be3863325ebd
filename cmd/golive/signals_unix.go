//go:build unix

package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ignoredSignals returns the signals that would end the server by default but are sent for
// other reasons: SIGHUP by logrotate, for a reload, and by a terminal that is closed; SIGUSR1
// and SIGUSR2 to reopen logs and to upgrade; SIGPIPE if the reader of the log is gone.
//
// SIGINT and SIGTERM end the server in order, SIGQUIT ends it with the stacks of its
// goroutines. All others have no effect on a Go program, or are crashes.
func ignoredSignals() []os.Signal {
	return []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE}
}

// explain returns the name of a caught signal and a hint for the operator, which is empty for
// SIGPIPE: the write fails as well.
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
		hint = "golive ignores this signal; to rotate the log use copytruncate, SIGTERM ends golive in order"
	}
	return name, hint
}
