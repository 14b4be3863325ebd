package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
)

// catchSignals prevents signals that are not meant to end a server from ending the process
// (see ignoredSignals). It must be called before a service manager may consider the server
// started.
func catchSignals() <-chan os.Signal {
	caught := make(chan os.Signal, 8)
	if survived := ignoredSignals(); len(survived) > 0 { // none would mean all
		signal.Notify(caught, survived...)
	}
	return caught
}

// handleSignals passes the wish for a reload to hangups, and logs the other caught signals, until ctx
// is done. They stay caught.
func handleSignals(ctx context.Context, caught <-chan os.Signal, hangups chan<- struct{}, log *slog.Logger) {
	for {
		select {
		case s := <-caught:
			if asksForReload(s) {
				select {
				case hangups <- struct{}{}:
				default: // one is asked for already
				}
			}
			if name, hint := explain(s); hint != "" {
				log.Warn("signal ignored", "signal", name, "hint", hint)
			}
		case <-ctx.Done():
			return
		}
	}
}
