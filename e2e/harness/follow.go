package harness

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

// Follower follows a stream as a strict player in the background.
type Follower struct {
	tb        testing.TB
	done      chan struct{}
	stop      context.CancelFunc
	recording *hlscheck.Recording
	err       error
}

// Follow starts a Follower. It begins as soon as there is a playlist, and ends with the stream
// or the test.
func Follow(tb testing.TB, url string, opts hlscheck.Options) *Follower {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	f := &Follower{tb: tb, done: make(chan struct{}), stop: cancel}
	go func() {
		defer close(f.done)
		f.recording, f.err = follow(ctx, url, opts)
	}()
	tb.Cleanup(func() {
		cancel()
		<-f.done
	})
	return f
}

func follow(ctx context.Context, url string, opts hlscheck.Options) (*hlscheck.Recording, error) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	opening, opened := context.WithTimeout(ctx, Timeout(time.Minute))
	defer opened()
	var source *hlscheck.Follower
	err := Eventually(opening, 20*time.Millisecond, func() (err error) {
		source, err = hlscheck.Open(opening, client, url, opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return source.Follow(ctx)
}

// Stop stops following and returns the recording.
func (f *Follower) Stop() *hlscheck.Recording {
	f.tb.Helper()
	f.stop()
	<-f.done
	if f.recording == nil {
		f.tb.Fatal(f.err)
	}
	return f.recording
}

// Wait waits for the stream's end and returns the recording of the source rendition.
func (f *Follower) Wait(limit time.Duration) *hlscheck.Rendition {
	f.tb.Helper()
	select {
	case <-f.done:
	case <-time.After(Timeout(limit)):
		f.tb.Fatalf("the stream did not end within %v", Timeout(limit))
	}
	if f.err != nil {
		f.tb.Fatal(f.err)
	}
	return f.recording.Renditions[0]
}

// Violations returns the violations, after Wait.
func (f *Follower) Violations() []hlscheck.Violation { return f.recording.Violations }

// Check reports, after Wait, every violation of a rule that is not excused, and every segment
// that was missed, could not be fetched, or is not numbered one more than its predecessor.
func (f *Follower) Check(excused ...int) {
	f.tb.Helper()
	for _, v := range f.recording.Violations {
		if !slices.Contains(excused, v.Rule) && !Late(v) {
			f.tb.Error(v)
		}
	}
	r := f.recording.Renditions[0]
	if r.Missed > 0 {
		f.tb.Errorf("%d segments were missed", r.Missed)
	}
	for i, s := range r.Segments {
		if i > 0 && s.MSN != r.Segments[i-1].MSN+1 {
			f.tb.Errorf("segment %d follows segment %d", s.MSN, r.Segments[i-1].MSN)
		}
		if s.Err != nil && !s.Gap {
			f.tb.Errorf("segment %d: %v", s.MSN, s.Err)
		}
	}
}

// Late reports whether a violation is only that a segment (11) or a part (12) was late, which
// is checked only if Strict.
func Late(v hlscheck.Violation) bool { return !Strict() && (v.Rule == 11 || v.Rule == 12) }

// Discontinuities returns the number of discontinuities after the first segment.
func Discontinuities(r *hlscheck.Rendition) (n int) {
	for i, s := range r.Segments {
		if i > 0 && s.Discontinuity {
			n++
		}
	}
	return n
}

// Runs writes the segments between discontinuities to one file each, with their initialization
// segments, and returns the names.
func Runs(tb testing.TB, r *hlscheck.Rendition) (files []string) {
	tb.Helper()
	var run []*hlscheck.FetchedSegment
	flush := func() {
		data := hlscheck.Join(run)
		run = nil
		if len(data) == 0 {
			return
		}
		file := filepath.Join(tb.TempDir(), "run")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			tb.Fatal(err)
		}
		files = append(files, file)
	}
	for _, s := range r.Segments {
		if s.Discontinuity {
			flush()
		}
		run = append(run, s)
	}
	flush()
	return files
}
