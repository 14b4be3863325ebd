package whip

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/pion/logging"
)

// loggers makes the loggers of the WebRTC library. What peers can cause is not worth more than the
// level debug, and what the library logs below a warning has addresses and descriptions in it.
type loggers struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (l loggers) NewLogger(scope string) logging.LeveledLogger {
	return logger{l.log.With("scope", scope)}
}

// logger logs the warnings and errors of one part of the library.
type logger struct{ log *slog.Logger }

func (l logger) write(text string) {
	const most = 300
	if len(text) > most {
		text = text[:most]
	}
	l.log.Debug("webrtc", "reason", strings.ToValidUTF8(text, "?"))
}

// Trace implements logging.LeveledLogger.
func (logger) Trace(string) {}

// Tracef implements logging.LeveledLogger.
func (logger) Tracef(string, ...any) {}

// Debug implements logging.LeveledLogger.
func (logger) Debug(string) {}

// Debugf implements logging.LeveledLogger.
func (logger) Debugf(string, ...any) {}

// Info implements logging.LeveledLogger.
func (logger) Info(string) {}

// Infof implements logging.LeveledLogger.
func (logger) Infof(string, ...any) {}

// Warn implements logging.LeveledLogger.
func (l logger) Warn(msg string) { l.write(msg) }

// Warnf implements logging.LeveledLogger.
func (l logger) Warnf(format string, args ...any) { l.write(fmt.Sprintf(format, args...)) }

// Error implements logging.LeveledLogger.
func (l logger) Error(msg string) { l.write(msg) }

// Errorf implements logging.LeveledLogger.
func (l logger) Errorf(format string, args ...any) { l.write(fmt.Sprintf(format, args...)) }
