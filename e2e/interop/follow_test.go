//go:build e2e || interop

package interop

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golive/internal/hlscheck"
)

// follower reads a stream as a strict player, beside the test.
type follower struct {
	t         *testing.T
	cancel    context.CancelFunc
	done      chan struct{}
	recording *hlscheck.Recording
	err       error
}

// follow begins as soon as there is a playlist, and goes on until the stream's
// end or the test's.
func follow(t *testing.T, url string, opts hlscheck.Options) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	f := &follower{t: t, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		opening, opened := context.WithTimeout(ctx, time.Minute)
		defer opened()
		var source *hlscheck.Follower
		f.err = eventually(opening, 20*time.Millisecond, func() (err error) {
			source, err = hlscheck.Open(opening, client, url, opts)
			return err
		})
		if f.err == nil {
			f.recording, f.err = source.Follow(ctx)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-f.done
	})
	return f
}

// wait waits for the stream's end and returns the source's history.
func (f *follower) wait(limit time.Duration) *hlscheck.Rendition {
	f.t.Helper()
	select {
	case <-f.done:
	case <-time.After(limit):
		f.t.Fatalf("the stream did not end within %v", limit)
	}
	if f.err != nil {
		f.t.Fatal(f.err)
	}
	return f.recording.Renditions[0]
}

// pace are the rules about time that no server can keep while it is sent nothing:
// a new segment, a new part in time.
var pace = []int{11, 12}

// check reports every broken rule but the excused ones, a segment that was missed
// or not numbered by one more than its predecessor, and one that could not be had.
func (f *follower) check(excused ...int) {
	f.t.Helper()
	for _, v := range f.recording.Violations {
		if !slices.Contains(excused, v.Rule) {
			f.t.Error(v)
		}
	}
	r := f.recording.Renditions[0]
	if r.Missed > 0 {
		f.t.Errorf("%d segments came and went unseen", r.Missed)
	}
	for i, s := range r.Segments {
		if i > 0 && s.MSN != r.Segments[i-1].MSN+1 {
			f.t.Errorf("segment %d follows segment %d", s.MSN, r.Segments[i-1].MSN)
		}
		if s.Err != nil && !s.Gap {
			f.t.Errorf("segment %d: %v", s.MSN, s.Err)
		}
	}
}

// discontinuities counts the marks after the first segment.
func discontinuities(r *hlscheck.Rendition) (n int) {
	for i, s := range r.Segments {
		if i > 0 && s.Discontinuity {
			n++
		}
	}
	return n
}

// runs are the files between discontinuities, each of which plays alone.
func runs(t *testing.T, r *hlscheck.Rendition) (files []string) {
	t.Helper()
	var run []byte
	flush := func() {
		if len(run) == 0 {
			return
		}
		file := filepath.Join(t.TempDir(), "run.ts")
		if err := os.WriteFile(file, run, 0o600); err != nil {
			t.Fatal(err)
		}
		files, run = append(files, file), nil
	}
	for _, s := range r.Segments {
		if s.Discontinuity {
			flush()
		}
		run = append(run, s.Data...)
	}
	flush()
	return files
}
