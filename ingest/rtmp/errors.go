package rtmp

import (
	"errors"
	"fmt"

	"golive/ingest"
	"golive/ingest/rtmp/chunk"
	"golive/ingest/rtmp/handshake"
)

// ForeignError is a peer that speaks another protocol.
type ForeignError struct {
	// Protocol is what it seems to speak.
	Protocol handshake.Protocol
	// TLS says that it came to a listener for TLS.
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

var (
	errTLS  = errors.New("TLS handshake")
	errPlay = &ingest.ProtocolError{Err: errors.New("this server only takes publishers; watch over HTTP")}
	// errFlood and errCrowded are reached limits. The peer is told neither.
	errFlood = fmt.Errorf("%w: the address sends too many commands without publishing", ingest.ErrLimit)
	// errCrowded ends a connection that gives its place to a newer one.
	errCrowded = fmt.Errorf("%w: all connections are taken, and this one did not publish", ingest.ErrLimit)
)

// verdict is what an end means to metrics, logs and the peer.
type verdict struct {
	ingest.Verdict
	// code is the onStatus code that tells the peer; without one the connection is
	// closed in silence, and the encoder comes back.
	code string
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
	v := verdict{Verdict: ingest.Judge(err)}
	if _, ok := errors.AsType[*ForeignError](err); ok {
		v.End, v.Refusal = ingest.EndProtocol, ingest.RefusedNotRTMP
		return v
	}
	switch {
	case errors.Is(err, errTLS):
		v.End, v.Refusal = ingest.EndProtocol, ingest.RefusedTLS
	case errors.Is(err, errPlay):
		v.Refusal, v.code = ingest.RefusedPlay, codePlay
	case errors.Is(err, errCrowded), errors.Is(err, errFlood):
		// In silence, so that an encoder comes back.
	case v.Refusal == ingest.RefusedBadName, v.Refusal == ingest.RefusedTaken:
		v.code = codeBadName
	case v.End == ingest.EndEvicted, v.End == ingest.EndLimit:
		v.code = codeDenied
	case v.End == ingest.EndUnsupported:
		v.code = codeRejected
	case v.End == ingest.EndFailed:
		v.code = codeFailed
	}
	// Others end in silence. OBS that was told of a shutdown would not come back to the
	// restarted server.
	return v
}

// readError tells the errors of the chunk layer from those of the connection.
func readError(err error) error {
	if e, ok := errors.AsType[*chunk.Error](err); ok {
		return &ingest.ProtocolError{Op: "read chunk", Err: e}
	}
	return err
}
