package rtmp

import (
	"errors"
	"fmt"

	"golive/ingest"
	"golive/ingest/rtmp/chunk"
	"golive/ingest/rtmp/handshake"
)

// WrongProtocolError reports a peer that speaks another protocol.
type WrongProtocolError struct {
	// Protocol is the protocol that it seems to speak.
	Protocol handshake.Protocol
	// TLS is set if it connected to the listener for TLS.
	TLS bool
}

// Error returns the protocol.
func (e *WrongProtocolError) Error() string {
	if e.TLS {
		if e.Protocol == handshake.RTMP {
			return "the peer speaks plain RTMP, expected RTMPS: its address must begin with rtmps://"
		}
		return "the peer does not speak TLS, which RTMPS requires"
	}
	switch e.Protocol {
	case handshake.TLS:
		return "the peer speaks TLS, not RTMP: an address of rtmps:// needs the port of ingest.rtmps"
	case handshake.HTTP:
		return "the peer speaks HTTP, not RTMP"
	case handshake.RTMPE:
		return "the peer uses encrypted RTMP (RTMPE), which is not supported"
	case handshake.Proxy:
		return "the peer uses the PROXY protocol, which is not supported"
	default:
		return "the peer does not speak RTMP"
	}
}

var (
	errTLS  = errors.New("TLS handshake")
	errPlay = &ingest.ProtocolError{Err: errors.New("this server only accepts publishers; play over HTTP")}
	// errFlood and errReclaimed are limits. They are not sent to the peer.
	errFlood = fmt.Errorf("%w: the address sends too many commands without publishing", ingest.ErrLimit)
	// errReclaimed ends a connection whose slot was given to a newer one.
	errReclaimed = fmt.Errorf("%w: all connections are in use, and this one did not publish", ingest.ErrLimit)
)

// outcome is how the end of a connection is counted, logged and sent to the peer.
type outcome struct {
	ingest.Outcome
	// code is the onStatus code for the peer. If it is empty the connection is closed
	// without a status, and the encoder reconnects.
	code string
}

const (
	codeBadName  = "NetStream.Publish.BadName"
	codeDenied   = "NetStream.Publish.Denied"
	codeRejected = "NetStream.Publish.Rejected"
	codeFailed   = "NetStream.Publish.Failed"
	codePlay     = "NetStream.Play.Failed"
)

// outcomeOf classifies the error that ended a connection.
func outcomeOf(err error) outcome {
	v := outcome{Outcome: ingest.OutcomeOf(err)}
	if _, ok := errors.AsType[*WrongProtocolError](err); ok {
		v.End, v.Refusal = ingest.EndProtocol, ingest.RefusedNotRTMP
		return v
	}
	switch {
	case errors.Is(err, errTLS):
		v.End, v.Refusal = ingest.EndProtocol, ingest.RefusedTLS
	case errors.Is(err, errPlay):
		v.Refusal, v.code = ingest.RefusedPlay, codePlay
	case errors.Is(err, errReclaimed), errors.Is(err, errFlood):
		// No status, so that an encoder reconnects.
	case v.Refusal == ingest.RefusedBadName, v.Refusal == ingest.RefusedTaken:
		v.code = codeBadName
	case v.End == ingest.EndEvicted, v.End == ingest.EndLimit:
		v.code = codeDenied
	case v.End == ingest.EndUnsupported:
		v.code = codeRejected
	case v.End == ingest.EndFailed:
		v.code = codeFailed
	}
	// Others get no status: OBS would not reconnect to a restarted server after one.
	return v
}

// readError converts errors of the chunk layer to *ingest.ProtocolError.
func readError(err error) error {
	if e, ok := errors.AsType[*chunk.Error](err); ok {
		return &ingest.ProtocolError{Op: "read chunk", Err: e}
	}
	return err
}
