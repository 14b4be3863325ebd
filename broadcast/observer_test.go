package broadcast

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/ingest"
	"golive/storage/storagetest/memory"
)

// changeLog is an Observer that keeps the changes as text.
type changeLog struct {
	mu   sync.Mutex
	list []string
	last time.Time
}

func (r *changeLog) Changed(c Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := [...]string{ReplayReady: "replay ready", WarningsChanged: "warnings", KeyUsed: "key used"}[c.Kind]
	if c.Kind == StateChanged {
		text = strings.TrimSpace(c.State.String() + " " + c.Reason)
	}
	for _, code := range c.Warnings {
		text += " " + string(code)
	}
	r.list = append(r.list, c.ID+" "+text)
	r.last = c.At
}

// changes returns what has been reported since the last call.
func (r *changeLog) changes() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.list = nil }()
	return r.list
}

func (r *changeLog) check(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, r.changes()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func (r *changeLog) observe(s *Settings) { s.Observer = r }

// closeWhenEvicted closes the sink when its publisher is evicted, as its session does.
func (e *encoder) closeWhenEvicted() {
	go func() { e.sink.Close(<-e.evicted) }()
}

func TestObserver_PublisherThatReconnectsOftenIsOneBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r changeLog
		s := newTestHubIn(t, t.TempDir(), time.Hour, r.observe)
		e := s.mustPublish("b")
		r.check(t, "b starting")
		e.play(t, 3*time.Second)
		r.check(t, "b live")
		for _, away := range []time.Duration{0, 200 * time.Millisecond, 14 * time.Second} {
			e.sink.Close(errReset)
			<-time.After(away)
			e = s.mustPublish("b")
			r.check(t, "b reconnecting", "b live")
			e.play(t, 3*time.Second)
			r.check(t)
		}
		if _, err := s.publish("b"); !errors.Is(err, ingest.ErrTaken) {
			t.Errorf("a second publisher: error %v, want ErrTaken", err)
		}
		r.check(t)
		e.sink.Close(errReset)
		<-time.After(15 * time.Second)
		ended := time.Now()
		r.check(t, "b reconnecting", "b ended publisher_lost", "b replay ready")
		if off := ended.Sub(r.last).Abs(); off > time.Second {
			t.Errorf("the last change is dated %v from the end", off)
		}
		e = s.mustPublish("b")
		e.play(t, time.Second)
		e.closeWhenEvicted()
		s.stop()
		<-s.done
		r.check(t, "b starting", "b live", "b ended shutdown", "b replay ready")
	})
}

func TestObserver_TakeoverOfAHalfOpenConnectionIsNoChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r changeLog
		s := newTestHubIn(t, t.TempDir(), 0, r.observe, func(s *Settings) { s.Takeover = ingest.TakeoverSilent })
		e := s.mustPublish("b")
		e.play(t, 3*time.Second)
		e.closeWhenEvicted()
		<-time.After(2 * time.Second)
		s.mustPublish("b").sink.Close(nil)
		r.check(t, "b starting", "b live", "b ended unpublished")
	})
}

func TestObserver_BroadcastWithoutMediaMayBeginAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r changeLog
		s := newTestHubIn(t, t.TempDir(), 0, r.observe)
		for _, cause := range []error{nil, errReset} {
			s.mustPublish("b").sink.Close(cause)
			r.check(t, "b starting", "b ended no_media")
		}
		e := s.mustPublish("b")
		e.play(t, time.Second)
		e.sink.Close(nil)
		r.check(t, "b starting", "b live", "b ended unpublished")
	})
}

// The media waits for an answer from the bucket when its publisher leaves.
func TestObserver_ShortBroadcastIsLiveBeforeItEnds(t *testing.T) {
	for _, cause := range []error{nil, errReset} {
		synctest.Test(t, func(t *testing.T) {
			var r changeLog
			bucket := &outageBucket{Bucket: memory.New()}
			bucket.away.Store(true)
			s := newNode(t).startOn(t, bucket.Bucket, bucket, time.Hour, r.observe)
			e := s.mustPublish("b")
			e.play(t, time.Second)
			r.check(t, "b starting")
			e.sink.Close(cause)
			if cause == nil {
				r.check(t, "b live", "b ended unpublished")
			} else {
				r.check(t, "b live", "b reconnecting")
			}
			bucket.away.Store(false)
		})
	}
}

func TestObserver_RestartReportsEachBroadcastOfAnIDOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second, third changeLog
		n := newNode(t)
		bucket := &outageBucket{Bucket: memory.New()}
		bucket.away.Store(true) // the first one is not stored when the server is killed
		old := n.startOn(t, bucket.Bucket, bucket, time.Hour, first.observe)
		e := old.mustPublish("b")
		e.play(t, 5*time.Second)
		e.sink.Close(nil)
		e = old.mustPublish("b")
		e.play(t, 5*time.Second)
		e.closeWhenEvicted()
		first.check(t, "b starting", "b live", "b ended unpublished", "b starting", "b live")

		now := n.killed(t).startOn(t, bucket.Bucket, bucket, time.Hour, second.observe)
		second.check(t, "b reconnecting")
		e = now.mustPublish("b")
		e.play(t, 5*time.Second)
		e.closeWhenEvicted()
		second.check(t, "b live")

		later := n.killed(t)
		<-time.After(time.Minute)
		later.startOn(t, copyOf(t, bucket).Bucket, copyOf(t, bucket), time.Hour, third.observe)
		third.check(t, "b ended publisher_lost", "b replay ready")
	})
}

func TestObserver_OnlyTheOwnerReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b, c changeLog
		p := &nodePair{claims: &testRegistry{owners: map[string]*testLease{}}, bucket: &outageBucket{Bucket: memory.New()}}
		start := func(n node, name string, r *changeLog) *testHub {
			return n.startOn(t, p.bucket.Bucket, p.bucket, time.Hour, func(s *Settings) { s.Ownership, s.Observer = registryView{p.claims, name}, r })
		}
		first := newNode(t)
		p.a, p.b = start(first, "a", &a), start(newNode(t), "b", &b)
		e := p.a.mustPublish("b")
		e.play(t, 9*time.Second)
		killed := first.killed(t)
		e.closeWhenEvicted()
		<-time.After(2 * time.Second)
		a.check(t, "b starting", "b live")
		p.claims.change(func() { p.claims.owners["b"].open = true })
		e = p.b.mustPublish("b")
		e.play(t, 9*time.Second)
		a.check(t)
		b.check(t, "b starting", "b live")
		start(killed, "a2", &c) // its disk has the broadcast, as if the node had just been killed
		<-time.After(30 * time.Second)
		c.check(t)
		e.sink.Close(nil)
		<-time.After(10 * time.Second)
		a.check(t)
		b.check(t, "b ended unpublished", "b replay ready")
		c.check(t)
	})
}

func TestObserver_WaitsForTheRegistryAndKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r changeLog
		claims := &testRegistry{owners: map[string]*testLease{}, undecided: true}
		bucket := &outageBucket{Bucket: memory.New()}
		s := newNode(t).startOn(t, bucket.Bucket, bucket, time.Hour, func(s *Settings) { s.Ownership, s.Observer = registryView{claims, "a"}, &r })
		e := s.mustPublish("b")
		e.play(t, 5*time.Second)
		e.sink.Close(errReset)
		synctest.Wait()
		e = s.mustPublish("b")
		e.play(t, 5*time.Second)
		e.closeWhenEvicted()
		r.check(t)
		s.decideClaim("b")
		r.check(t, "b starting", "b live", "b reconnecting", "b live")
	})
}

func TestObserver_BoundsWhatWaitsForTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r changeLog
		claims := &testRegistry{owners: map[string]*testLease{}, undecided: true}
		bucket := &outageBucket{Bucket: memory.New()}
		s := newNode(t).startOn(t, bucket.Bucket, bucket, time.Hour, func(s *Settings) { s.Ownership, s.Observer = registryView{claims, "a"}, &r })
		for range maxWaiting {
			e := s.mustPublish("b")
			e.play(t, 5*time.Second)
			e.sink.Close(errReset)
			synctest.Wait()
		}
		s.decideClaim("b")
		got := r.changes()
		if n := len(got); n != maxWaiting || got[0] != "b starting" || got[1] != "b live" || got[n-1] != "b reconnecting" {
			t.Errorf("%d changes, want %d: %q", n, maxWaiting, got)
		}
	})
}

func TestObserver_KeyUsedAndWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r changeLog
		s := newTestHubIn(t, t.TempDir(), 0, r.observe)
		sink, err := s.Publish(t.Context(), "b", ingest.Publisher{Issued: true, Evict: func(error) {}})
		if err != nil {
			t.Fatal(err)
		}
		r.check(t, "b key used", "b starting")
		w := sink.(ingest.Warner)
		for i := range 30 { // a condition that comes and goes
			w.Warn(ingest.Warning{Code: ingest.WarnOpenGOP, Text: fmt.Sprint(i)})
			w.Warn(ingest.Warning{Code: ingest.WarnOpenGOP, Text: "another text"})
			<-time.After(500 * time.Millisecond)
			w.ClearWarning(ingest.WarnOpenGOP)
			<-time.After(500 * time.Millisecond)
		}
		if got := r.changes(); len(got) < 2 || len(got) > 4 {
			t.Errorf("reported in 30 s: %v, want 2 to 4 changes", got)
		}
		<-time.After(time.Minute)
		r.changes()
		w.Warn(ingest.Warning{Code: ingest.WarnOpenGOP})
		r.check(t, "b warnings open_gop")
		<-time.After(time.Second)
		w.Warn(ingest.Warning{Code: ingest.WarnSlowUpload})
		<-time.After(warningsInterval)
		r.check(t, "b warnings open_gop slow_upload")
		w.ClearWarning(ingest.WarnOpenGOP)
		w.ClearWarning(ingest.WarnSlowUpload)
		r.check(t)
		<-time.After(warningsInterval)
		r.check(t, "b warnings") // the last one is reported too
		for i := range 2 * maxReportedWarnings {
			w.Warn(ingest.Warning{Code: ingest.WarningCode(fmt.Sprint(i))})
		}
		<-time.After(2 * warningsInterval)
		if got := r.changes(); len(strings.Fields(got[len(got)-1])) != 2+maxReportedWarnings {
			t.Errorf("of %d warnings were reported %q, want %d", 2*maxReportedWarnings, got, maxReportedWarnings)
		}
		sink.Close(nil)
		r.check(t, "b ended no_media")
	})
}

func TestEnd_EndsAtOnceAndTellsThePublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r changeLog
		s := newTestHubIn(t, t.TempDir(), 0, r.observe)
		if s.End("b", "nothing to end") {
			t.Error("a broadcast that does not exist was ended")
		}
		for _, test := range []struct {
			media     time.Duration
			connected bool
			want      []string
		}{
			{0, true, []string{"b starting", "b ended requested"}},
			{3 * time.Second, true, []string{"b starting", "b live", "b ended requested"}},
			{3 * time.Second, false, []string{"b starting", "b live", "b reconnecting", "b ended requested"}},
		} {
			e := s.mustPublish("b")
			e.play(t, test.media)
			var evicted error
			if test.connected {
				go func() {
					evicted = <-e.evicted
					e.sink.Close(evicted)
				}()
			} else {
				e.sink.Close(errReset)
				synctest.Wait()
			}
			if !s.End("b", "its owner ended it") || !s.End("b", "again") && test.connected {
				t.Error("the broadcast was not ended")
			}
			r.check(t, test.want...)
			if test.connected && (!errors.Is(evicted, ingest.ErrEnded) || !strings.Contains(evicted.Error(), "its owner ended it")) {
				t.Errorf("the publisher was evicted %v", evicted)
			}
			if s.End("b", "after the end") {
				t.Error("an ended broadcast was ended")
			}
		}
		if text := s.tsPlaylist("b"); !strings.HasSuffix(text, "#EXT-X-ENDLIST\n") {
			t.Errorf("the playlist has no end:\n%s", text)
		}
	})
}
