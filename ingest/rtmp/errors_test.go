package rtmp

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/rtmp/chunk"
	"golive/ingest/rtmp/handshake"
)

func TestOutcomeOf_ClassifiesEveryEnd(t *testing.T) {
	ours := func(err error) error { return &ingest.CutError{Err: fmt.Errorf("studio: %w", err)} }
	evicted := func(err error) error { return &ingest.CutError{Err: err, Evicted: true} }
	info, bad := slog.LevelInfo, slog.LevelError
	for _, tt := range []struct {
		err  error
		want outcome
	}{
		{nil, outcome{ingest.Outcome{End: ingest.EndStopped, Refusal: ingest.RefusedGone, Level: info}, ""}},
		{io.EOF, outcome{ingest.Outcome{End: ingest.EndLost, Refusal: ingest.RefusedGone, Level: info}, ""}},
		{errors.New("connection reset by peer"), outcome{ingest.Outcome{End: ingest.EndLost, Refusal: ingest.RefusedGone, Level: info}, ""}},
		{ingest.ErrIdle, outcome{ingest.Outcome{End: ingest.EndIdle, Refusal: ingest.RefusedTimeout, Level: info}, ""}},
		{ingest.ErrSlow, outcome{ingest.Outcome{End: ingest.EndIdle, Refusal: ingest.RefusedTimeout, Level: info}, ""}},
		{errPlay, outcome{ingest.Outcome{End: ingest.EndProtocol, Refusal: ingest.RefusedPlay, Level: info}, codePlay}},
		{ingest.ErrInternal, outcome{ingest.Outcome{End: ingest.EndFailed, Refusal: ingest.RefusedFailed, Level: bad}, codeFailed}},
		{readError(&chunk.Error{}), outcome{ingest.Outcome{End: ingest.EndProtocol, Refusal: ingest.RefusedProtocol, Level: info}, ""}},
		{&WrongProtocolError{Protocol: handshake.TLS}, outcome{ingest.Outcome{End: ingest.EndProtocol, Refusal: ingest.RefusedNotRTMP, Level: info}, ""}},
		{&flv.UnsupportedError{Kind: "video"}, outcome{ingest.Outcome{End: ingest.EndUnsupported, Refusal: ingest.RefusedProtocol, Level: info}, codeRejected}},
		{ours(ingest.ErrUnauthorized), outcome{ingest.Outcome{End: ingest.EndEvicted, Refusal: ingest.RefusedUnauthorized, Level: info}, codeDenied}},
		{ours(ingest.ErrBadName), outcome{ingest.Outcome{End: ingest.EndEvicted, Refusal: ingest.RefusedBadName, Level: info}, codeBadName}},
		{ours(ingest.ErrEnded), outcome{ingest.Outcome{End: ingest.EndEvicted, Refusal: ingest.RefusedEnded, Level: info}, codeDenied}},
		{ours(ingest.ErrRefused), outcome{ingest.Outcome{End: ingest.EndEvicted, Refusal: ingest.RefusedAdmission, Level: info}, codeDenied}},
		{evicted(ingest.ErrEnded), outcome{ingest.Outcome{End: ingest.EndEvicted, Refusal: ingest.RefusedEnded, Level: info}, codeDenied}},
		{ours(ingest.ErrTaken), outcome{ingest.Outcome{End: ingest.EndEvicted, Refusal: ingest.RefusedTaken, Level: info}, codeBadName}},
		{ours(ingest.ErrLimit), outcome{ingest.Outcome{End: ingest.EndLimit, Refusal: ingest.RefusedLimit, Level: info}, codeDenied}},
		{ours(errors.New("input/output error")), outcome{ingest.Outcome{End: ingest.EndFailed, Refusal: ingest.RefusedFailed, Level: bad}, codeFailed}},
		{evicted(ingest.ErrClosing), outcome{ingest.Outcome{End: ingest.EndClosing, Refusal: ingest.RefusedClosing, Level: info}, ""}},
		{evicted(ingest.ErrTaken), outcome{ingest.Outcome{End: ingest.EndEvicted, Refusal: ingest.RefusedTaken, Level: info}, codeBadName}},
		{evicted(errors.New("ended by the operator")), outcome{ingest.Outcome{End: ingest.EndEvicted, Refusal: ingest.RefusedGone, Level: info}, codeDenied}},
	} {
		if got := outcomeOf(tt.err); got != tt.want {
			t.Errorf("%v: %+v, want %+v", tt.err, got, tt.want)
		}
	}
}
