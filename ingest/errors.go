package ingest

import (
	"errors"
	"fmt"
	"log/slog"

	"golive/container/flv"
)

// The refusals. A PublishHandler wraps them with the reason.
var (
	// ErrUnauthorized: the stream key is not known.
	ErrUnauthorized = errors.New("stream key is not known")
	// ErrBadName: the name cannot be a broadcast's id.
	ErrBadName = errors.New("stream name is not allowed")
	// ErrRefused: the app's server does not admit the publisher.
	ErrRefused = errors.New("publishing was refused")
	// ErrEnded: the broadcast has ended, and cannot be published again.
	ErrEnded = errors.New("broadcast has ended")
	// ErrTaken: the broadcast has a publisher.
	ErrTaken = errors.New("broadcast is already being published")
	// ErrLimit: a limit was reached.
	ErrLimit = errors.New("limit reached")
	// ErrUnavailable: the server lets nobody in now.
	ErrUnavailable = errors.New("server takes no publishers now")
	// ErrClosing: the server is shutting down.
	ErrClosing = errors.New("server is shutting down")
)

// The errors that end a session after it was admitted.
var (
	// ErrIdle: no media was received for too long.
	ErrIdle = errors.New("no audio or video was received for too long")
	// ErrSlow: the peer took longer to publish than handshake_timeout.
	ErrSlow = errors.New("the peer took too long to publish")
	// ErrInterrupted: the session was ended by another goroutine. The cause is that of the
	// session's context.
	ErrInterrupted = errors.New("session was cut")
	// ErrInternal: a bug of the server.
	ErrInternal = errors.New("internal error")
)

// ProtocolError reports that a peer violated its protocol.
type ProtocolError struct {
	// Op is the operation: "read command". It may be empty.
	Op string
	// Err is the problem.
	Err error
}

// Error returns the operation and the problem.
func (e *ProtocolError) Error() string {
	if e.Op == "" {
		return e.Err.Error()
	}
	return e.Op + ": " + e.Err.Error()
}

// Unwrap returns the problem.
func (e *ProtocolError) Unwrap() error { return e.Err }

// CutError reports that the server ended the session: a refusal, a limit, a Sink that
// failed, or an eviction.
type CutError struct {
	// Err is the reason.
	Err error
	// Evicted is set if Err is the cause that was passed to Publisher.Evict.
	Evicted bool
}

// Error returns the reason.
func (e *CutError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *CutError) Unwrap() error { return e.Err }

// Outcome is how the end of a session is counted and logged.
type Outcome struct {
	// End is the reason if the peer was publishing, Refusal if it was not.
	End     EndReason
	Refusal RefusalReason
	Level   slog.Level
}

// OutcomeOf classifies the error that ended a session or a connection. An error of another
// package means that the connection was lost.
func OutcomeOf(err error) Outcome {
	var (
		cut      *CutError
		protocol *ProtocolError
	)
	switch {
	case err == nil:
		return Outcome{EndStopped, RefusedGone, slog.LevelInfo}
	case errors.As(err, &cut):
		return outcomeOfCut(cut)
	case isUnsupported(err):
		return Outcome{EndUnsupported, RefusedProtocol, slog.LevelInfo}
	case errors.As(err, &protocol):
		return Outcome{EndProtocol, RefusedProtocol, slog.LevelInfo}
	case errors.Is(err, ErrIdle), errors.Is(err, ErrSlow):
		return Outcome{EndIdle, RefusedTimeout, slog.LevelInfo}
	case errors.Is(err, ErrInternal):
		return Outcome{EndFailed, RefusedFailed, slog.LevelError}
	}
	return Outcome{EndLost, RefusedGone, slog.LevelInfo}
}

func isUnsupported(err error) bool {
	_, ok := errors.AsType[*flv.UnsupportedError](err)
	return ok
}

func outcomeOfCut(cut *CutError) Outcome {
	switch err := cut.Err; {
	case errors.Is(err, ErrClosing):
		return Outcome{EndClosing, RefusedClosing, slog.LevelInfo}
	case errors.Is(err, ErrUnauthorized):
		return Outcome{EndEvicted, RefusedUnauthorized, slog.LevelInfo}
	case errors.Is(err, ErrBadName):
		return Outcome{EndEvicted, RefusedBadName, slog.LevelInfo}
	case errors.Is(err, ErrRefused):
		return Outcome{EndEvicted, RefusedAdmission, slog.LevelInfo}
	case errors.Is(err, ErrEnded):
		return Outcome{EndEvicted, RefusedEnded, slog.LevelInfo}
	case errors.Is(err, ErrTaken):
		return Outcome{EndEvicted, RefusedTaken, slog.LevelInfo}
	case errors.Is(err, ErrUnavailable):
		return Outcome{EndEvicted, RefusedUnavailable, slog.LevelInfo}
	case errors.Is(err, ErrLimit):
		return Outcome{EndLimit, RefusedLimit, slog.LevelInfo}
	case isUnsupported(err):
		return Outcome{EndUnsupported, RefusedProtocol, slog.LevelInfo}
	case cut.Evicted:
		return Outcome{EndEvicted, RefusedGone, slog.LevelInfo}
	}
	return Outcome{EndFailed, RefusedFailed, slog.LevelError}
}

// Describe returns the text that tells the person at the encoder why the session ended. It
// does not reveal internal errors.
func Describe(err error) string {
	if e, ok := errors.AsType[*flv.UnsupportedError](err); ok {
		return fmt.Sprintf("%s codec %s is not supported: %s", e.Kind, e.Codec, e.Reason)
	}
	if OutcomeOf(err).Level == slog.LevelError {
		return ErrInternal.Error()
	}
	return err.Error()
}
