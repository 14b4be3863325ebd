//go:build e2e && field

package ladder

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
	"golive/internal/publisher"
)

// tinyLadder has rungs of a source of 180 lines, for two broadcasts.
const tinyLadder = `transcode:
  max_broadcasts: 2
  max_cpu: 1
  max_lag: 1m
  ladder:
    - { name: 160p, height: 160, video_bitrate: 100k, audio_bitrate: 128k, preset: ultrafast }
    - { name: 120p, height: 120, video_bitrate: 60k, audio_bitrate: 128k, preset: ultrafast }
`

const broadcastCount = 20

// Twenty broadcasts begin at once on a node that may transcode two. All can be watched, and the parts of
// the sources are hardly later than without transcoding.
func TestLadder_ManyBroadcastsBeginAtOnce(t *testing.T) {
	file := sources.FLV(t, "-vf", "scale=320:180", "-b:v", "150k", "-bf", "0")
	var without, with time.Duration
	t.Run("without", func(t *testing.T) {
		c := startBroadcasts(t, file, "")
		without = c.watch(t)
	})
	t.Run("with", func(t *testing.T) {
		c := startBroadcasts(t, file, tinyLadder)
		with = c.watch(t)
		c.checkAdmission(t)
	})
	t.Logf("p95 of the time that a part is late: %v without transcoding, %v with it", without, with)
	if harness.Strict() && with > without*12/10+20*time.Millisecond {
		t.Errorf("the parts of sources are %v late with transcoding, %v without", with, without)
	}
}

// manyBroadcasts is a server with many broadcasts.
type manyBroadcasts struct {
	*harness.Server
	// stops end the broadcasts, by their ids.
	stops map[string]context.CancelFunc
}

func startBroadcasts(t *testing.T, file, config string) *manyBroadcasts {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &manyBroadcasts{Server: harness.Start(t, harness.Options{Config: config}), stops: map[string]context.CancelFunc{}}
	if config != "" {
		harness.Until(t, "ffmpeg is found", 10*time.Second, func() bool { return c.Logs.Count("ffmpeg found") > 0 })
	}
	var publishers sync.WaitGroup
	t.Cleanup(func() {
		for _, stop := range c.stops {
			stop()
		}
		publishers.Wait()
	})
	for i := range broadcastCount {
		id := fmt.Sprintf("show-%02d", i)
		cfg := publisher.DefaultConfig()
		cfg.URL, cfg.Source, cfg.Spread = c.PublishURL(id), source, 0
		ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
		c.stops[id] = stop
		publishers.Go(func() {
			if err := publisher.Run(ctx, cfg, slog.New(slog.DiscardHandler)); err != nil {
				t.Errorf("publish %s: %v", id, err)
			}
		})
	}
	for id := range c.stops {
		c.WaitForState(id, "live", 15*time.Second)
	}
	return c
}

// watch follows the sources for a time, and returns the 95th percentile of how late their parts are.
func (c *manyBroadcasts) watch(t *testing.T) time.Duration {
	t.Helper()
	harness.Pause(t.Context(), 6*time.Second) // ffmpeg starts
	var followers []*harness.Follower
	for id := range c.stops {
		followers = append(followers, harness.Follow(t, c.MediaURL(id), hlscheck.Options{LowLatency: true, Discard: true, Behind: time.Second}))
	}
	harness.Pause(t.Context(), 20*time.Second)
	var late []time.Duration
	for _, f := range followers {
		r := f.Stop()
		for _, v := range r.Violations {
			if !harness.Late(v) {
				t.Error(v)
			}
		}
		each := lateness(r.Renditions[0])
		late = append(late, each...)
		if n := len(each); n == 0 || harness.Strict() && slices.Max(each[n/2:]) > 2*time.Second {
			t.Errorf("%s falls behind: %v", r.URL, each)
		}
	}
	slices.Sort(late)
	t.Logf("%d parts of %d sources: late by %v at the median, %v at p95, %v at most", len(late), len(followers),
		late[len(late)/2].Round(time.Millisecond), late[len(late)*95/100].Round(time.Millisecond), late[len(late)-1].Round(time.Millisecond))
	return late[len(late)*95/100]
}

// lateness returns how much later than the earliest of them the parts of a rendition were listed,
// measured at their ends in the media.
func lateness(r *hlscheck.Rendition) (late []time.Duration) {
	var end time.Duration
	for i, p := range r.Parts {
		end += p.Duration
		if i > 8 { // what was there before is listed with the first playlist
			late = append(late, p.Listed.Sub(r.Parts[0].Listed)-end)
		}
	}
	if len(late) > 0 {
		earliest := slices.Min(late)
		for i := range late {
			late[i] -= earliest
		}
	}
	return late
}

// transcodingStatus is the part of the API's response that says what is transcoded.
type transcodingStatus struct {
	ID          string `json:"id"`
	State       string `json:"state"`
	Transcoding struct {
		Rungs []struct {
			Name  string `json:"name"`
			State string `json:"state"`
		} `json:"rungs"`
	} `json:"transcoding"`
}

// rungStates returns the states of a broadcast's rungs.
func (c *manyBroadcasts) rungStates(t *testing.T, id string) (states []string) {
	t.Helper()
	body, err := harness.Get(t.Context(), c.URL("/v1/broadcasts/"+id))
	if err != nil {
		t.Fatal(err)
	}
	var b transcodingStatus
	if err := json.Unmarshal(body, &b); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.Transcoding.Rungs {
		states = append(states, r.State)
	}
	return states
}

// withRungs returns the broadcasts whose rungs are all in a state.
func (c *manyBroadcasts) withRungs(t *testing.T, state string) (ids []string) {
	t.Helper()
	for id := range c.stops {
		if s := c.rungStates(t, id); len(s) == 2 && !slices.ContainsFunc(s, func(s string) bool { return s != state }) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, cmp.Compare)
	return ids
}

var refusedID = regexp.MustCompile(`msg="rungs refused".* broadcast=(\S+)`)

// checkAdmission checks which broadcasts are transcoded, and that the first one that was refused is the
// next.
func (c *manyBroadcasts) checkAdmission(t *testing.T) {
	t.Helper()
	harness.Until(t, "two broadcasts are transcoded", 20*time.Second, func() bool { return len(c.withRungs(t, "running")) == 2 })
	running, refused := c.withRungs(t, "running"), c.withRungs(t, "refused")
	if len(refused) != broadcastCount-2 {
		t.Errorf("%d are transcoded and %d refused: %v, %v", len(running), len(refused), running, refused)
	}
	m := harness.Scrape(t, c.Server)
	for name, want := range map[string]float64{
		"golive_transcode_broadcasts": 2, "golive_transcode_rungs": 4, "golive_transcode_shed_rungs": 2 * (broadcastCount - 2), "golive_transcode_sheds_total": 0,
	} {
		if got := m.Sum(name); got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	var order []string
	for _, m := range refusedID.FindAllStringSubmatch(c.Logs.String(), -1) {
		order = append(order, m[1])
	}
	slices.Sort(refused)
	if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, refused) {
		t.Fatalf("refused are %v in the log, %v in the API", sorted, refused)
	}
	t.Logf("transcoded: %v; refused, in order: %v", running, order)
	c.stops[running[0]]()
	delete(c.stops, running[0])
	harness.Until(t, "another one is transcoded", 40*time.Second, func() bool { return c.Logs.Count("rung restored") > 0 })
	if c.Logs.Count("rung restored", "broadcast="+order[0]) == 0 {
		t.Errorf("the first one that gets rungs is not %s, which was refused first", order[0])
	}
	waitForRungs(t, c.Server, order[0], 2)
}
