package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
)

// catchSignals keeps the signals from ending the process that a server has no
// reason to end for (see survivedSignals). It must be called before anything that a
// service manager may take for the beginning of the server.
func catchSignals() <-chan os.Signal {
	caught := make(chan os.Signal, 8)
	if survived := survivedSignals(); len(survived) > 0 { // none would mean all
		signal.Notify(caught, survived...)
	}
	return caught
}

// logSignals says in the log what golive does about the caught signals, until ctx is
// done. They stay caught.
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
