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
	ours := func(err error) error { return &decision{err: fmt.Errorf("studio: %w", err)} }
	evicted := func(err error) error { return &decision{err: err, evicted: true} }
	info, bad := slog.LevelInfo, slog.LevelError
	for _, tt := range []struct {
		err  error
		want verdict
	}{
		{nil, verdict{ingest.EndStopped, ingest.RefusedGone, "", info}},
		{io.EOF, verdict{ingest.EndLost, ingest.RefusedGone, "", info}},
		{errors.New("connection reset by peer"), verdict{ingest.EndLost, ingest.RefusedGone, "", info}},
		{errIdle, verdict{ingest.EndIdle, ingest.RefusedTimeout, "", info}},
		{errSlow, verdict{ingest.EndIdle, ingest.RefusedTimeout, "", info}},
		{errPlay, verdict{ingest.EndProtocol, ingest.RefusedPlay, codePlay, info}},
		{errPanic, verdict{ingest.EndFailed, ingest.RefusedFailed, codeFailed, bad}},
		{readError(&chunk.Error{}), verdict{ingest.EndProtocol, ingest.RefusedProtocol, "", info}},
		{&ForeignError{Protocol: handshake.TLS}, verdict{ingest.EndProtocol, ingest.RefusedNotRTMP, "", info}},
		{&flv.UnsupportedError{Kind: "video"}, verdict{ingest.EndUnsupported, ingest.RefusedProtocol, codeRejected, info}},
		{ours(ingest.ErrUnauthorized), verdict{ingest.EndEvicted, ingest.RefusedUnauthorized, codeDenied, info}},
		{ours(ingest.ErrBadName), verdict{ingest.EndEvicted, ingest.RefusedBadName, codeBadName, info}},
		{ours(ingest.ErrTaken), verdict{ingest.EndEvicted, ingest.RefusedTaken, codeBadName, info}},
		{ours(ingest.ErrLimit), verdict{ingest.EndLimit, ingest.RefusedLimit, codeDenied, info}},
		{ours(errors.New("disk on fire")), verdict{ingest.EndFailed, ingest.RefusedFailed, codeFailed, bad}},
		{evicted(ingest.ErrClosing), verdict{ingest.EndClosing, ingest.RefusedClosing, "", info}},
		{evicted(ingest.ErrTaken), verdict{ingest.EndEvicted, ingest.RefusedTaken, codeBadName, info}},
		{evicted(errors.New("the operator says so")), verdict{ingest.EndEvicted, ingest.RefusedGone, codeDenied, info}},
	} {
		if got := judge(tt.err); got != tt.want {
			t.Errorf("%v: %+v, want %+v", tt.err, got, tt.want)
		}
	}
}
