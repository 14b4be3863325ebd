package rtmp

import (
	"errors"
	"fmt"
	"log/slog"

	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/rtmp/chunk"
	"golive/ingest/rtmp/handshake"
)

// ProtocolError is a peer that sent nonsense.
type ProtocolError struct {
	// Op is what was being done: "read chunk".
	Op string
	// Err says what was wrong.
	Err error
}

// Error is the operation and the fault.
func (e *ProtocolError) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap is the fault.
func (e *ProtocolError) Unwrap() error { return e.Err }

// ForeignError is a peer that speaks another protocol.
type ForeignError struct {
	// Protocol is what it seems to speak.
	Protocol handshake.Protocol
	// TLS says that it came to where TLS is spoken.
	TLS bool
}

// Error names the protocol.
func (e *ForeignError) Error() string {
	if e.TLS {
		if e.Protocol == handshake.RTMP {
			return "the peer speaks plain RTMP where RTMPS is expected: its address must begin with rtmps://"
		}
		return "the peer does not speak TLS, as RTMPS does"
	}
	switch e.Protocol {
	case handshake.TLS:
		return "the peer speaks TLS, not RTMP: an address of rtmps:// needs the port of ingest.rtmps"
	case handshake.HTTP:
		return "the peer speaks HTTP, not RTMP"
	case handshake.RTMPE:
		return "the peer wants encrypted RTMP (RTMPE), which is not supported"
	case handshake.Proxy:
		return "the peer sends the PROXY protocol, which is not supported"
	default:
		return "the peer does not speak RTMP"
	}
}

// decision is an end that our own side decided on: the Door, the Sink, or, then
// evicted is true, who evicted the session.
type decision struct {
	err     error
	evicted bool
}

func (e *decision) Error() string { return e.err.Error() }
func (e *decision) Unwrap() error { return e.err }

var (
	errIdle  = errors.New("no audio or video came for too long")
	errSlow  = errors.New("the peer took too long to publish")
	errTLS   = errors.New("TLS handshake")
	errPlay  = errors.New("this server only takes publishers; watch over HTTP")
	errPanic = errors.New("internal error")
	errFlood = errors.New("the address sends too many commands without publishing")
	// errCrowded ends a connection that gives its place to a newer one.
	errCrowded = errors.New("all connections are taken, and this one did not publish")
)

// verdict is what an end means to metrics, logs and the peer.
type verdict struct {
	end     ingest.EndReason     // if the peer was publishing
	refusal ingest.RefusalReason // if it was not yet
	// code is the onStatus code that tells the peer; without one the connection is
	// closed in silence, and the encoder comes back.
	code  string
	level slog.Level
}

const (
	codeBadName  = "NetStream.Publish.BadName"
	codeDenied   = "NetStream.Publish.Denied"
	codeRejected = "NetStream.Publish.Rejected"
	codeFailed   = "NetStream.Publish.Failed"
	codePlay     = "NetStream.Play.Failed"
)

// judge knows every way in which a connection ends.
func judge(err error) verdict {
	var (
		ours        *decision
		foreign     *ForeignError
		protocol    *ProtocolError
		unsupported *flv.UnsupportedError
	)
	switch {
	case err == nil:
		return verdict{ingest.EndStopped, ingest.RefusedGone, "", slog.LevelInfo}
	case errors.As(err, &ours):
		return judgeDecision(ours)
	case errors.As(err, &unsupported):
		return verdict{ingest.EndUnsupported, ingest.RefusedProtocol, codeRejected, slog.LevelInfo}
	case errors.As(err, &protocol):
		return verdict{ingest.EndProtocol, ingest.RefusedProtocol, "", slog.LevelInfo}
	case errors.As(err, &foreign):
		return verdict{ingest.EndProtocol, ingest.RefusedNotRTMP, "", slog.LevelInfo}
	case errors.Is(err, errIdle):
		return verdict{ingest.EndIdle, ingest.RefusedTimeout, "", slog.LevelInfo}
	case errors.Is(err, errSlow):
		return verdict{ingest.EndIdle, ingest.RefusedTimeout, "", slog.LevelInfo}
	case errors.Is(err, errTLS):
		return verdict{ingest.EndProtocol, ingest.RefusedTLS, "", slog.LevelInfo}
	case errors.Is(err, errPlay):
		return verdict{ingest.EndProtocol, ingest.RefusedPlay, codePlay, slog.LevelInfo}
	case errors.Is(err, errPanic):
		return verdict{ingest.EndFailed, ingest.RefusedFailed, codeFailed, slog.LevelError}
	}
	return verdict{ingest.EndLost, ingest.RefusedGone, "", slog.LevelInfo}
}

func judgeDecision(d *decision) verdict {
	switch err := d.err; {
	case errors.Is(err, ingest.ErrClosing):
		// In silence: told so, OBS would not come back to the restarted server.
		return verdict{ingest.EndClosing, ingest.RefusedClosing, "", slog.LevelInfo}
	case errors.Is(err, errCrowded), errors.Is(err, errFlood):
		// In silence, so that an encoder comes back.
		return verdict{ingest.EndLimit, ingest.RefusedLimit, "", slog.LevelInfo}
	case errors.Is(err, ingest.ErrUnauthorized):
		return verdict{ingest.EndEvicted, ingest.RefusedUnauthorized, codeDenied, slog.LevelInfo}
	case errors.Is(err, ingest.ErrBadName):
		return verdict{ingest.EndEvicted, ingest.RefusedBadName, codeBadName, slog.LevelInfo}
	case errors.Is(err, ingest.ErrTaken):
		return verdict{ingest.EndEvicted, ingest.RefusedTaken, codeBadName, slog.LevelInfo}
	case errors.Is(err, ingest.ErrLimit):
		return verdict{ingest.EndLimit, ingest.RefusedLimit, codeDenied, slog.LevelInfo}
	case d.evicted:
		return verdict{ingest.EndEvicted, ingest.RefusedGone, codeDenied, slog.LevelInfo}
	}
	return verdict{ingest.EndFailed, ingest.RefusedFailed, codeFailed, slog.LevelError}
}

// describe is what the peer is told beside the code: the reasons that are its
// business, in words for the person at the encoder.
func describe(err error) string {
	var unsupported *flv.UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		return fmt.Sprintf("%s codec %s is not supported: %s", unsupported.Kind, unsupported.Codec, unsupported.Reason)
	case judge(err).level == slog.LevelError:
		return errPanic.Error()
	}
	return err.Error()
}

// readError tells the chunk layer's complaints from those of the connection.
func readError(err error) error {
	if e, ok := errors.AsType[*chunk.Error](err); ok {
		return &ProtocolError{Op: "read chunk", Err: e}
	}
	return err
}
