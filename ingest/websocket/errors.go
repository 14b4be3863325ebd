package websocket

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/coder/websocket"

	"golive/ingest"
)

// The codes with which the server closes a connection (RFC 6455 section 7.4.2), besides 1012
// (service restart). A client must not try again after those that are permanent.
const (
	closeRequest      websocket.StatusCode = 4400 // permanent: not the protocol of this package
	closeUnauthorized websocket.StatusCode = 4401 // permanent
	closeRefused      websocket.StatusCode = 4403 // permanent
	closeIdle         websocket.StatusCode = 4408
	closeTaken        websocket.StatusCode = 4409
	closeEnded        websocket.StatusCode = 4410 // permanent
	closeTooMuch      websocket.StatusCode = 4413 // permanent: a limit of the media
	closeUnsupported  websocket.StatusCode = 4415 // permanent: a codec
	closeBusy         websocket.StatusCode = 4429 // a limit of the server
	closeInternal     websocket.StatusCode = 4500
	closeUnavailable  websocket.StatusCode = 4503
)

// maxReason is the longest reason of a close frame, in bytes (RFC 6455 section 5.5).
const maxReason = 123

var (
	errFull      = fmt.Errorf("%w: all connections of publishers are in use", ingest.ErrLimit)
	errReclaimed = fmt.Errorf("%w: all connections are in use, and this one sent no media", ingest.ErrLimit)
	errFlood     = fmt.Errorf("%w: the address connects too often", ingest.ErrLimit)

	errNoProtocol = &ingest.ProtocolError{Err: errors.New("the client must offer the subprotocol " + subprotocol)}
	errFrames     = &ingest.ProtocolError{Err: errors.New("a message has too many frames for its size")}
	errText       = &ingest.ProtocolError{Err: errors.New("a message is text: each must be a binary one with one FLV tag")}
)

// isServerLimit reports whether err is a limit that may not be reached at another time.
func isServerLimit(err error) bool {
	if errors.Is(err, errFull) || errors.Is(err, errReclaimed) || errors.Is(err, errFlood) {
		return true
	}
	limit, ok := errors.AsType[*ingest.LimitError](err)
	if !ok {
		return false
	}
	of := []ingest.Limit{ingest.LimitSessions, ingest.LimitSessionsPerAddress, ingest.LimitMemory, ingest.LimitMessageMemory}
	return slices.Contains(of, limit.Limit)
}

// closeCode returns the code for the error that ended a session; 0 if its connection is lost.
func closeCode(err error) websocket.StatusCode {
	v := ingest.OutcomeOf(err)
	switch {
	case err == nil:
		return websocket.StatusNormalClosure
	case errors.Is(err, ingest.ErrClosing):
		return websocket.StatusServiceRestart
	case v.End == ingest.EndFailed:
		return closeInternal
	case errors.Is(err, ingest.ErrBadName):
		return closeRequest
	case errors.Is(err, ingest.ErrUnauthorized):
		return closeUnauthorized
	case errors.Is(err, ingest.ErrRefused):
		return closeRefused
	case errors.Is(err, ingest.ErrTaken):
		return closeTaken
	case errors.Is(err, ingest.ErrEnded):
		return closeEnded
	case errors.Is(err, ingest.ErrUnavailable):
		return closeUnavailable
	case isServerLimit(err):
		return closeBusy
	}
	switch v.End {
	case ingest.EndIdle:
		return closeIdle
	case ingest.EndLimit:
		return closeTooMuch
	case ingest.EndUnsupported:
		return closeUnsupported
	case ingest.EndProtocol:
		return closeRequest
	case ingest.EndEvicted:
		return closeRefused
	case ingest.EndStopped, ingest.EndLost, ingest.EndClosing, ingest.EndFailed:
	}
	return 0
}

// reasonOf returns the text for the peer, which is cut where it is too long.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	text := ingest.Describe(err)
	if len(text) <= maxReason {
		return text
	}
	const more = "…"
	end := maxReason - len(more)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}
