//go:build e2e

package store

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"golive/e2e/harness"
	"golive/internal/clip"
	"golive/internal/hlscheck"
	"golive/internal/publisher"
	"golive/storage/s3/s3test"
)

// cluster is several golives with one bucket and one registry.
type cluster struct {
	t    *testing.T
	nats *harness.NATS
	yaml string
	b    bucket
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	store := s3test.Start(t)
	yaml, name := harness.S3Storage(t, store, store.Address)
	return &cluster{t, harness.StartNATS(t), yaml, bucket{t, filepath.Join(store.Dir, name)}}
}

// node runs a golive of the cluster.
func (c *cluster) node(name string, required bool) *harness.Server {
	c.t.Helper()
	return harness.Start(c.t, harness.Options{Config: fmt.Sprintf(
		"storage: { %s }\nregistry: { url: %q, required: %t }\ncluster: { node: %s }\n", c.yaml, c.nats.URL, required, name)})
}

// waitFor waits until a metric has a value.
func waitFor(t *testing.T, s *harness.Server, metric string, want float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Timeout(20*time.Second))
	defer cancel()
	if err := harness.Eventually(ctx, 50*time.Millisecond, func() error {
		if got := harness.Metric(t, s, metric); got != want {
			return fmt.Errorf("%s is %v, want %v", metric, got, want)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// checkReplay checks that the segments of a replay are numbered from 1 on, that they include all that
// an earlier playlist of the bucket listed, and that no more than maxGaps are gaps.
func (c *cluster) checkReplay(replay *hlscheck.Media, listed map[int64]string, maxGaps int) {
	c.t.Helper()
	have := map[int64]string{}
	n := 0
	for i, r := range replay.Segments {
		if r.MSN != int64(i)+1 {
			c.t.Fatalf("segment %d of the replay is %d", i, r.MSN)
		}
		if r.Gap {
			n++
			continue
		}
		have[r.MSN] = filepath.Base(r.URI)
		if !c.b.has("live/show/" + r.URI) {
			c.t.Errorf("%s is not in the bucket", r.URI)
		}
	}
	for msn, name := range listed {
		if have[msn] != name {
			c.t.Errorf("segment %d was %s and is %q in the replay", msn, name, have[msn])
		}
	}
	c.t.Logf("the replay has %d segments, %d of them gaps; %d were listed before", len(replay.Segments), n, len(listed))
	if n > maxGaps {
		c.t.Errorf("%d gaps, want at most %d", n, maxGaps)
	}
}

// listed returns the segments that the bucket's playlist lists now.
func (c *cluster) listed() map[int64]string {
	m, _ := hlscheck.ParseMedia("", []byte(c.b.text("live/show/source/index.m3u8")))
	all := map[int64]string{}
	for _, s := range m.Segments {
		if !s.Gap {
			all[s.MSN] = s.URI
		}
	}
	return all
}

// publications returns the tokens of the publications in the bucket's playlist.
func (c *cluster) publications() (tokens []string) {
	for _, name := range c.listed() {
		token, _, _ := strings.Cut(name, "-")
		if !slices.Contains(tokens, token) {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// waitForPublications waits until the bucket's playlist lists that many.
func (c *cluster) waitForPublications(n int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), harness.Timeout(20*time.Second))
	defer cancel()
	if err := harness.Eventually(ctx, 100*time.Millisecond, func() error {
		if got := c.publications(); len(got) < n {
			return fmt.Errorf("the bucket's playlist lists the publications %v, want %d", got, n)
		}
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
}

// The node that owns the broadcast is killed; its encoder connects to another one, and the node
// is started again.
func TestCluster_BroadcastOfAKilledNodeGoesOnAtAnother(t *testing.T) {
	c := startCluster(t)
	a, b := c.node("a", true), c.node("b", true)
	file := sources.Plain(t)
	first := harness.PublishLooped(t, file, a.PublishURL("show"))
	a.WaitForState("show", "live", 20*time.Second)
	c.waitForPublications(1)
	poller := c.b.poll([]string{"show"})
	harness.Pause(t.Context(), 8*time.Second)
	a.Kill()
	first.Kill()
	before := c.listed()
	second := publishAgain(t, file, b, "show")
	b.WaitForState("show", "live", 20*time.Second)
	c.waitForPublications(2)
	a.Run() // it finds its log, and that another node owns the broadcast
	waitFor(t, a, "golive_registry_leases_lost_total", 1)
	harness.Pause(t.Context(), 6*time.Second)
	if n := len(c.publications()); n != 2 {
		t.Errorf("the playlist lists %d publications", n)
	}
	second.Quit()
	replay := c.b.waitForReplay("show", 10*time.Second)
	poller.check()
	c.checkReplay(replay, before, 10)
}

// publishAgain starts an encoder, again until it is accepted, and waits until the server has media of it:
// the state in the API may be that of another node.
func publishAgain(t *testing.T, file string, s *harness.Server, id string) *harness.Process {
	t.Helper()
	accepted := func() int { return s.Logs.Count("session started", "broadcast="+id) }
	before := accepted()
	for range 20 {
		p := harness.PublishLooped(t, file, s.PublishURL(id))
		for {
			select {
			case <-p.Done(): // refused: the other node may still have the broadcast
			case <-time.After(200 * time.Millisecond):
				if accepted() == before {
					continue
				}
				harness.Until(t, "the server has media of the broadcast", 20*time.Second, func() bool {
					_, err := harness.Get(t.Context(), s.PlainURL(id))
					return err == nil
				})
				return p
			}
			break
		}
		harness.Pause(t.Context(), 500*time.Millisecond)
	}
	t.Fatal("the encoder was never accepted")
	return nil
}

// The encoder loses its connection and connects to another node, while the first one runs.
func TestCluster_BroadcastMovesWithItsEncoder(t *testing.T) {
	c := startCluster(t)
	a, b := c.node("a", true), c.node("b", true)
	file := sources.Plain(t)
	first := harness.PublishLooped(t, file, a.PublishURL("show"))
	a.WaitForState("show", "live", 20*time.Second)
	c.waitForPublications(1)
	poller := c.b.poll([]string{"show"})
	harness.Pause(t.Context(), 8*time.Second)
	if p := harness.PublishLooped(t, file, b.PublishURL("show")); !endsSoon(p) {
		t.Error("the other node accepted a second publisher while the first one was connected")
		p.Kill()
	}
	first.Kill()
	a.WaitForState("show", "reconnecting", 10*time.Second)
	before := c.listed()
	second := publishAgain(t, file, b, "show")
	b.WaitForState("show", "live", 20*time.Second)
	c.waitForPublications(2)
	waitFor(t, a, "golive_registry_leases_held", 1) // the sweeper's
	if _, err := a.Broadcast(t.Context(), "show"); err == nil {
		t.Log("the old node still shows the broadcast, from the bucket")
	}
	harness.Pause(t.Context(), 5*time.Second)
	second.Quit()
	replay := c.b.waitForReplay("show", 10*time.Second)
	poller.check()
	c.checkReplay(replay, before, 8)
	for _, s := range []*harness.Server{a, b} {
		if n := harness.Metric(t, s, "golive_storage_dropped_total"); n != 0 {
			t.Errorf("%v segments were dropped", n)
		}
	}
}

func endsSoon(p *harness.Process) bool {
	select {
	case <-p.Done():
		return true
	case <-time.After(harness.Timeout(5 * time.Second)):
		return false
	}
}

// The registry does not respond, and is then stopped: live broadcasts continue, and publishers
// are accepted as configured.
func TestCluster_GoesOnWithoutItsRegistry(t *testing.T) {
	c := startCluster(t)
	a, b := c.node("a", false), c.node("b", true)
	file := sources.Plain(t)
	one := harness.PublishLooped(t, file, a.PublishURL("one"))
	two := harness.PublishLooped(t, file, b.PublishURL("two"))
	var viewers []*harness.Follower
	for id, s := range map[string]*harness.Server{"one": a, "two": b} {
		s.WaitForState(id, "live", 20*time.Second)
		viewers = append(viewers, harness.Follow(t, s.PlaylistURL(id), hlscheck.Options{}))
	}
	for what, failure := range map[string]struct{ begin, end func() }{
		"stopped": {c.nats.Pause, c.nats.Resume},
		"killed":  {c.nats.Kill, c.nats.Run},
	} {
		failure.begin()
		waitFor(t, a, "golive_registry_connected", 0)
		waitFor(t, b, "golive_registry_connected", 0)
		var delays []time.Duration
		for i := range 20 {
			code, took := ask(t, a.PublishURL(fmt.Sprintf("new-%s-%d", what, i)))
			if code != "NetStream.Publish.Start" {
				t.Fatalf("registry %s: a publisher of a node that does not require it gets %s", what, code)
			}
			delays = append(delays, took)
		}
		slices.Sort(delays)
		t.Logf("registry %s: a publish is answered in %v (median), %v at most", what, delays[len(delays)/2], delays[len(delays)-1])
		if longest := delays[len(delays)-1]; harness.Strict() && longest > 20*time.Millisecond {
			t.Errorf("registry %s: a publish was answered in %v", what, longest)
		}
		if code, _ := ask(t, b.PublishURL("new-"+what)); code != "NetStream.Publish.Denied" {
			t.Errorf("registry %s: a publisher of a node that requires it gets %s", what, code)
		}
		if text := b.Logs.String(); !strings.Contains(text, "registry cannot be reached") {
			t.Errorf("registry %s: the log does not say that it cannot be reached", what)
		}
		failure.end()
		waitFor(t, a, "golive_registry_connected", 1)
		waitFor(t, b, "golive_registry_connected", 1)
	}
	one.Quit()
	two.Quit()
	for _, v := range viewers {
		v.Wait(30 * time.Second)
		v.Check()
	}
	for _, id := range []string{"one", "two"} {
		for _, r := range c.b.waitForReplay(id, 20*time.Second).Segments {
			if r.Gap {
				t.Errorf("%s: segment %d is a gap", id, r.MSN)
			}
		}
	}
}

// A golive with a separate registry does not write to the bucket.
func TestCluster_BucketOfAnotherRegistryIsRefused(t *testing.T) {
	c := startCluster(t)
	a := c.node("a", false)
	p := harness.PublishLooped(t, sources.Plain(t), a.PublishURL("show"))
	a.WaitForState("show", "live", 20*time.Second)
	c.waitForPublications(1)
	p.Quit()
	c.b.waitForReplay("show", 10*time.Second)
	other := harness.Start(t, harness.Options{Config: "storage: { " + c.yaml + " }"})
	if err := other.Wait(20 * time.Second); err == nil {
		t.Error("it exited with status 0")
	}
	text := other.Logs.String()
	if n := strings.Count(text, "the bucket belongs to registry"); n != 1 || !strings.Contains(text, "~registry.json") {
		t.Errorf("the log names the other registry %d times, want once, with ~registry.json", n)
	}
}

// ask publishes the built-in clip briefly, and returns the server's response to publish, and its
// delay.
func ask(t *testing.T, url string) (code string, took time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Timeout(10*time.Second))
	defer cancel()
	var conn *tap
	_ = publisher.Run(ctx, publisher.Config{
		URL: url, Streams: 1, Duration: 10 * time.Millisecond, Source: clip.FLV(),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			conn = &tap{Conn: c}
			return conn, err
		},
	}, slog.New(slog.DiscardHandler)) // the tap records a refusal
	conn.mu.Lock()
	defer conn.mu.Unlock()
	return conn.code, conn.answered.Sub(conn.asked)
}

// tap is a connection that records when publish was sent, and its response.
type tap struct {
	net.Conn

	mu              sync.Mutex
	asked, answered time.Time
	code            string
}

// publishCommand is the name of the command, encoded as AMF.
const publishCommand = "\x02\x00\x07publish"

func (c *tap) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(publishCommand)) {
		c.mu.Lock()
		c.asked = time.Now()
		c.mu.Unlock()
	}
	return c.Conn.Write(p)
}

func (c *tap) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	_, status, _ := bytes.Cut(p[:n], []byte("onStatus")) // FCPublish has a separate response
	if _, after, ok := bytes.Cut(status, []byte("NetStream.Publish.")); ok {
		word, _, _ := bytes.Cut(after, []byte{0})
		c.mu.Lock()
		if c.code == "" {
			word = bytes.TrimRightFunc(word, func(r rune) bool { return !unicode.IsLetter(r) })
			c.code, c.answered = "NetStream.Publish."+string(word), time.Now()
		}
		c.mu.Unlock()
	}
	return n, err
}
