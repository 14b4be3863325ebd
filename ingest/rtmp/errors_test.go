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

func TestJudge_KnowsEveryEnd(t *testing.T) {
	ours := func(err error) error { return &ingest.CutError{Err: fmt.Errorf("studio: %w", err)} }
	evicted := func(err error) error { return &ingest.CutError{Err: err, Evicted: true} }
	info, bad := slog.LevelInfo, slog.LevelError
	for _, tt := range []struct {
		err  error
		want verdict
	}{
		{nil, verdict{ingest.Verdict{End: ingest.EndStopped, Refusal: ingest.RefusedGone, Level: info}, ""}},
		{io.EOF, verdict{ingest.Verdict{End: ingest.EndLost, Refusal: ingest.RefusedGone, Level: info}, ""}},
		{errors.New("connection reset by peer"), verdict{ingest.Verdict{End: ingest.EndLost, Refusal: ingest.RefusedGone, Level: info}, ""}},
		{ingest.ErrIdle, verdict{ingest.Verdict{End: ingest.EndIdle, Refusal: ingest.RefusedTimeout, Level: info}, ""}},
		{ingest.ErrSlow, verdict{ingest.Verdict{End: ingest.EndIdle, Refusal: ingest.RefusedTimeout, Level: info}, ""}},
		{errPlay, verdict{ingest.Verdict{End: ingest.EndProtocol, Refusal: ingest.RefusedPlay, Level: info}, codePlay}},
		{ingest.ErrInternal, verdict{ingest.Verdict{End: ingest.EndFailed, Refusal: ingest.RefusedFailed, Level: bad}, codeFailed}},
		{readError(&chunk.Error{}), verdict{ingest.Verdict{End: ingest.EndProtocol, Refusal: ingest.RefusedProtocol, Level: info}, ""}},
		{&ForeignError{Protocol: handshake.TLS}, verdict{ingest.Verdict{End: ingest.EndProtocol, Refusal: ingest.RefusedNotRTMP, Level: info}, ""}},
		{&flv.UnsupportedError{Kind: "video"}, verdict{ingest.Verdict{End: ingest.EndUnsupported, Refusal: ingest.RefusedProtocol, Level: info}, codeRejected}},
		{ours(ingest.ErrUnauthorized), verdict{ingest.Verdict{End: ingest.EndEvicted, Refusal: ingest.RefusedUnauthorized, Level: info}, codeDenied}},
		{ours(ingest.ErrBadName), verdict{ingest.Verdict{End: ingest.EndEvicted, Refusal: ingest.RefusedBadName, Level: info}, codeBadName}},
		{ours(ingest.ErrTaken), verdict{ingest.Verdict{End: ingest.EndEvicted, Refusal: ingest.RefusedTaken, Level: info}, codeBadName}},
		{ours(ingest.ErrLimit), verdict{ingest.Verdict{End: ingest.EndLimit, Refusal: ingest.RefusedLimit, Level: info}, codeDenied}},
		{ours(errors.New("disk on fire")), verdict{ingest.Verdict{End: ingest.EndFailed, Refusal: ingest.RefusedFailed, Level: bad}, codeFailed}},
		{evicted(ingest.ErrClosing), verdict{ingest.Verdict{End: ingest.EndClosing, Refusal: ingest.RefusedClosing, Level: info}, ""}},
		{evicted(ingest.ErrTaken), verdict{ingest.Verdict{End: ingest.EndEvicted, Refusal: ingest.RefusedTaken, Level: info}, codeBadName}},
		{evicted(errors.New("the operator says so")), verdict{ingest.Verdict{End: ingest.EndEvicted, Refusal: ingest.RefusedGone, Level: info}, codeDenied}},
	} {
		if got := judge(tt.err); got != tt.want {
			t.Errorf("%v: %+v, want %+v", tt.err, got, tt.want)
		}
	}
}
