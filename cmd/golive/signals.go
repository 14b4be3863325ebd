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

// logSignals logs the caught signals until ctx is done. They stay caught.
func logSignals(ctx context.Context, caught <-chan os.Signal, log *slog.Logger) {
	for {
		select {
		case s := <-caught:
			if name, hint := explain(s); hint != "" {
				log.Warn("signal ignored", "signal", name, "hint", hint)
			}
		case <-ctx.Done():
			return
		}
	}
}
