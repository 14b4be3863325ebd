package ingest

import (
	"errors"
	"fmt"
	"log/slog"

	"golive/container/flv"
)

// The refusals. A protocol tells them to its peer in its own words; a PublishHandler
// wraps them with the reason.
var (
	// ErrUnauthorized: the stream key is not known.
	ErrUnauthorized = errors.New("stream key is not known")
	// ErrBadName: the name cannot be a broadcast's id.
	ErrBadName = errors.New("stream name is not allowed")
	// ErrTaken: somebody is publishing the broadcast.
	ErrTaken = errors.New("broadcast is already being published")
	// ErrLimit: a limit was reached.
	ErrLimit = errors.New("limit reached")
	// ErrUnavailable: the server lets nobody in now.
	ErrUnavailable = errors.New("server takes no publishers now")
	// ErrClosing: the server is shutting down.
	ErrClosing = errors.New("server is shutting down")
)

// Why a session ends that was not refused.
var (
	// ErrIdle: no media came for too long.
	ErrIdle = errors.New("no audio or video came for too long")
	// ErrSlow: the peer took longer to publish than handshake_timeout.
	ErrSlow = errors.New("the peer took too long to publish")
	// ErrInternal: a bug of the server.
	ErrInternal = errors.New("internal error")
)

// ProtocolError is a peer that sent what its protocol does not allow.
type ProtocolError struct {
	// Op is what was being done: "read command". It may be empty.
	Op string
	// Err says what was wrong.
	Err error
}

// Error returns the operation and the fault.
func (e *ProtocolError) Error() string {
	if e.Op == "" {
		return e.Err.Error()
	}
	return e.Op + ": " + e.Err.Error()
}

// Unwrap returns the fault.
func (e *ProtocolError) Unwrap() error { return e.Err }

// CutError is an end that this side decided on: a refusal, a limit, a Sink that fails,
// or an eviction.
type CutError struct {
	// Err is the reason.
	Err error
	// Evicted says that it is the cause that Publisher.Evict was given.
	Evicted bool
}

// Error returns the reason.
func (e *CutError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *CutError) Unwrap() error { return e.Err }

// Verdict is what an end means to metrics and logs.
type Verdict struct {
	// End is the reason if the peer was publishing, Refusal if it was not.
	End     EndReason
	Refusal RefusalReason
	Level   slog.Level
}

// Judge returns what the end of a session or of a connection means. An error that is
// none of this package's is a connection that broke.
func Judge(err error) Verdict {
	var (
		cut         *CutError
		protocol    *ProtocolError
		unsupported *flv.UnsupportedError
	)
	switch {
	case err == nil:
		return Verdict{EndStopped, RefusedGone, slog.LevelInfo}
	case errors.As(err, &cut):
		return judgeCut(cut)
	case errors.As(err, &unsupported):
		return Verdict{EndUnsupported, RefusedProtocol, slog.LevelInfo}
	case errors.As(err, &protocol):
		return Verdict{EndProtocol, RefusedProtocol, slog.LevelInfo}
	case errors.Is(err, ErrIdle), errors.Is(err, ErrSlow):
		return Verdict{EndIdle, RefusedTimeout, slog.LevelInfo}
	case errors.Is(err, ErrInternal):
		return Verdict{EndFailed, RefusedFailed, slog.LevelError}
	}
	return Verdict{EndLost, RefusedGone, slog.LevelInfo}
}

func judgeCut(cut *CutError) Verdict {
	switch err := cut.Err; {
	case errors.Is(err, ErrClosing):
		return Verdict{EndClosing, RefusedClosing, slog.LevelInfo}
	case errors.Is(err, ErrUnauthorized):
		return Verdict{EndEvicted, RefusedUnauthorized, slog.LevelInfo}
	case errors.Is(err, ErrBadName):
		return Verdict{EndEvicted, RefusedBadName, slog.LevelInfo}
	case errors.Is(err, ErrTaken):
		return Verdict{EndEvicted, RefusedTaken, slog.LevelInfo}
	case errors.Is(err, ErrUnavailable):
		return Verdict{EndEvicted, RefusedUnavailable, slog.LevelInfo}
	case errors.Is(err, ErrLimit):
		return Verdict{EndLimit, RefusedLimit, slog.LevelInfo}
	case cut.Evicted:
		return Verdict{EndEvicted, RefusedGone, slog.LevelInfo}
	}
	return Verdict{EndFailed, RefusedFailed, slog.LevelError}
}

// Describe returns what a peer is told of its end: the reasons that are its business, in
// words for the person at the encoder.
func Describe(err error) string {
	if e, ok := errors.AsType[*flv.UnsupportedError](err); ok {
		return fmt.Sprintf("%s codec %s is not supported: %s", e.Kind, e.Codec, e.Reason)
	}
	if Judge(err).Level == slog.LevelError {
		return ErrInternal.Error()
	}
	return err.Error()
}
