package publisher_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yutopp/go-rtmp/handshake"

	"golive/internal/clip"
	"golive/internal/publisher"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func config(t testing.TB, s *server) publisher.Config {
	t.Helper()
	cfg := publisher.DefaultConfig()
	cfg.URL = "rtmp://host/live/demo"
	cfg.Source = clip.FLV()
	cfg.Dial = s.dial(t)
	return cfg
}

func TestRun_PublishesInRealTimeWithoutAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		cfg := config(t, &s)
		cfg.Duration = 50 * time.Second // more than three loops of the clip, which has 16 s
		var reports []publisher.Report
		cfg.Report = func(r publisher.Report) { reports = append(reports, r) }
		start := time.Now()
		if err := publisher.Run(t.Context(), cfg, quiet()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != cfg.Duration {
			t.Errorf("publishing %v took %v", cfg.Duration, took)
		}
		s.open.Wait()

		p := s.publications[0]
		if p.app != "live" || p.name != "demo" || p.metadata == 0 {
			t.Errorf("app %q, name %q, %d bytes of metadata; want live, demo and some", p.app, p.name, p.metadata)
		}
		if !slices.Equal(p.ended, []string{"FCUnpublish", "deleteStream"}) {
			t.Errorf("ended with %v", p.ended)
		}
		checkTimes(t, p)
		if !slices.Equal(p.pongs, []uint32{7}) {
			t.Errorf("answered pings %v, want 7", p.pongs)
		}
		last := reports[len(reports)-1]
		if len(reports) != 5 || !last.Done || last.Tags != int64(len(p.messages)) || last.MaxLag != 0 {
			t.Errorf("%d reports, the last %+v; want 5, the last one done, with %d tags and without lag", len(reports), last, len(p.messages))
		}
	})
}

// checkTimes checks the messages of 50 s of the clip: when each was received, and its timestamp.
func checkTimes(t *testing.T, p *publication) {
	t.Helper()
	var frames [2]int
	var last [2]int64
	for i, m := range p.messages {
		if due := time.Duration(m.timestamp) * time.Millisecond; m.at != due {
			t.Fatalf("message %d is due at %v and was received at %v", i, due, m.at)
		}
		if i > 0 && m.timestamp < p.messages[i-1].timestamp {
			t.Fatalf("message %d has timestamp %d ms, after one of %d ms", i, m.timestamp, p.messages[i-1].timestamp)
		}
		if m.config {
			continue
		}
		track, low, high := 0, int64(21), int64(22)
		if m.video {
			track, low, high = 1, 33, 34
		}
		step := int64(m.timestamp) - last[track]
		if frames[track] > 0 && (step < low || step > high) {
			t.Fatalf("message %d (video %v) at %d ms is %d ms after the one before of its kind", i, m.video, m.timestamp, step)
		}
		last[track] = int64(m.timestamp)
		frames[track]++
	}
	// The sound begins 67 ms after the first picture is decoded.
	if frames[0] < 2340 || frames[0] > 2341 || frames[1] != 1500 {
		t.Errorf("%d audio frames and %d pictures in 50 s", frames[0], frames[1])
	}
	if !p.messages[0].config || !p.messages[1].config {
		t.Error("the stream does not begin with its configurations")
	}
}

func TestRun_NumbersStreamsAndSpreadsTheirStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		cfg := config(t, &s)
		cfg.URL += "?token=a/b"
		cfg.Streams, cfg.Duration = 4, time.Second
		var mu sync.Mutex
		done := map[int]bool{}
		cfg.Report = func(r publisher.Report) {
			mu.Lock()
			defer mu.Unlock()
			done[r.Stream] = r.Done
		}
		begin := time.Now()
		if err := publisher.Run(t.Context(), cfg, quiet()); err != nil {
			t.Fatal(err)
		}
		s.open.Wait()
		for i, p := range s.publications {
			want := "demo-" + string(rune('1'+i)) + "?token=a/b"
			if p.name != want || p.start.Sub(begin) != time.Duration(i)*500*time.Millisecond {
				t.Errorf("stream %d is %q and began at %v, want %q at %v", i+1, p.name, p.start.Sub(begin), want, time.Duration(i)*500*time.Millisecond)
			}
		}
		if len(s.publications) != 4 || len(done) != 4 || !done[4] {
			t.Errorf("%d publications, done %v; want 4 that are done", len(s.publications), done)
		}
	})
}

func TestRun_UnpublishesWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if err := publisher.Run(ctx, config(t, &s), quiet()); err != nil {
			t.Fatal(err)
		}
		s.open.Wait()
		p := s.publications[0]
		if len(p.ended) != 2 || p.messages[len(p.messages)-1].timestamp < 1450 {
			t.Errorf("%d messages, ended with %v", len(p.messages), p.ended)
		}
	})
}

func TestRun_ReportsARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server{refuse: true}
		cfg := config(t, &s)
		cfg.Streams = 2
		err := publisher.Run(t.Context(), cfg, quiet())
		refused, ok := errors.AsType[*publisher.RefusedError](err)
		if !ok || refused.Code != "NetStream.Publish.Failed" || refused.Description != "Publish failed." {
			t.Errorf("error is %v, want a RefusedError", err)
		}
		s.open.Wait()
	})
}

func TestRun_FailsIfTheServerIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(t, &server{})
		var ours *pipeEnd
		cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, _ = newPipe()
			return ours, nil
		}
		start := time.Now()
		err := publisher.Run(t.Context(), cfg, quiet())
		if err == nil || err.Error() != "publisher: connect: the server took too long" || time.Since(start) != 10*time.Second {
			t.Errorf("Run ended after %v with error %v", time.Since(start), err)
		}
	})
}

func TestRun_ReportsALostConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		cfg := config(t, &s)
		cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
			a, b := newPipe()
			s.serve(b)
			time.AfterFunc(5*time.Second, func() { _ = b.Close() })
			return a, nil
		}
		start := time.Now()
		err := publisher.Run(t.Context(), cfg, quiet())
		if err == nil || time.Since(start) > 5100*time.Millisecond {
			t.Errorf("Run ended after %v with error %v", time.Since(start), err)
		}
		s.open.Wait()
	})
}

func TestRun_CatchesUpAfterADelayAndReportsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		cfg := config(t, &s)
		dial := cfg.Dial
		cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := dial(ctx, network, address)
			return &slowOnce{Conn: nc, from: time.After(5 * time.Second), pause: 3 * time.Second}, err
		}
		cfg.Duration, cfg.ReportEvery = 12*time.Second, time.Second
		var reports []publisher.Report
		cfg.Report = func(r publisher.Report) { reports = append(reports, r) }
		if err := publisher.Run(t.Context(), cfg, quiet()); err != nil {
			t.Fatal(err)
		}
		s.open.Wait()
		last := reports[len(reports)-1]
		if last.Lag != 0 || last.MaxLag < 2900*time.Millisecond || last.MaxLag > 3*time.Second || last.Elapsed != cfg.Duration {
			t.Errorf("the last report is %+v", last)
		}
		m := s.publications[0].messages
		if end := m[len(m)-1]; end.at != time.Duration(end.timestamp)*time.Millisecond {
			t.Errorf("the message of %d ms was received at %v", end.timestamp, end.at)
		}
	})
}

func TestRun_SurvivesAServerThatGoRTMPCannotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(t, &server{})
		var served sync.WaitGroup
		cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := newPipe()
			served.Go(func() {
				if err := handshake.HandshakeWithClient(theirs, theirs, &handshake.Config{}); err != nil {
					t.Error(err)
				}
				_, _ = theirs.Write([]byte{3, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0}) // an empty command
			})
			return ours, nil
		}
		err := publisher.Run(t.Context(), cfg, quiet())
		if err == nil || !strings.Contains(err.Error(), "go-rtmp cannot read the server's message") {
			t.Error(err)
		}
		served.Wait()
	})
}

func TestRun_PublishesOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var s server
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			s.serve(nc)
		}
	}()
	cfg := config(t, &s)
	cfg.URL = "rtmp://" + l.Addr().String() + "/live/demo"
	cfg.Dial = nil
	cfg.Streams, cfg.Duration, cfg.Spread = 3, 300*time.Millisecond, 0
	if err := publisher.Run(t.Context(), cfg, quiet()); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	<-accepted
	s.open.Wait()
	for _, p := range s.publications {
		if len(p.messages) < 20 || len(p.ended) != 2 {
			t.Errorf("%s: %d messages, ended with %v", p.name, len(p.messages), p.ended)
		}
	}
	if len(s.publications) != 3 {
		t.Errorf("%d publications", len(s.publications))
	}

	if err := publisher.Run(t.Context(), cfg, quiet()); err == nil {
		t.Error("no error without a server")
	}
}
