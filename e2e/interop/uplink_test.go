//go:build e2e

package interop

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

var (
	cuts    = flag.Int("cuts", 4, "how often the uplink is cut")
	minutes = flag.Float64("minutes", 0.6, "over how many minutes")
)

// outage is a time in which the server was sent nothing, or not in time.
type outage struct {
	how        string
	begin, end time.Time
}

// uplink is a publisher that starts again after each cut.
type uplink struct {
	t       *testing.T
	proxy   *harness.Proxy
	server  *harness.Server
	file    string
	random  *rand.Rand
	encoder *harness.Process
	tries   int
	outages []outage
}

func (u *uplink) publish() {
	u.tries++
	u.encoder = harness.PublishLooped(u.t, u.file, u.proxy.PublishURL("show"))
}

// cut cuts the connection, waits as an encoder would, and publishes again with
// the same key until bytes flow.
func (u *uplink) cut(ctx context.Context, how harness.Cut) {
	u.t.Helper()
	begin := time.Now()
	if n := u.proxy.Cut(how); n != 1 {
		u.t.Errorf("%d connections were cut, want 1: %s", n, u.encoder.Logs)
	}
	wait := 300*time.Millisecond + time.Duration(u.random.Int64N(int64(1700*time.Millisecond)))
	harness.Pause(ctx, wait)
	u.encoder.Kill() // behind a black hole it does not notice the end
	for tries := 1; ; tries++ {
		before := u.proxy.Bytes()
		u.publish()
		if u.flows(ctx, before) {
			break
		}
		if ctx.Err() != nil || tries == 10 {
			u.t.Fatalf("the publisher could not come back after a %v: %d tries\n%s", how, tries, u.encoder.Logs)
		}
		u.encoder.Kill()
		harness.Pause(ctx, 500*time.Millisecond)
	}
	u.outages = append(u.outages, outage{how: how.String(), begin: begin, end: time.Now()})
}

// flows reports whether media of the newest publisher arrives; false if it was refused.
func (u *uplink) flows(ctx context.Context, before int64) bool {
	const enough = 64 << 10 // no handshake is that long
	ctx, cancel := context.WithTimeout(ctx, harness.Timeout(5*time.Second))
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-u.encoder.Done():
			return false
		case <-ctx.Done():
			return false
		case <-tick.C:
			if u.proxy.Bytes()-before > enough {
				return true
			}
		}
	}
}

// weaken delays and throttles the uplink for a while.
func (u *uplink) weaken(ctx context.Context) {
	begin := time.Now()
	delay := time.Duration(u.random.Int64N(int64(400 * time.Millisecond)))
	u.proxy.Throttle(60_000, delay) // the stream has 100 kB a second
	harness.Pause(ctx, time.Second)
	u.proxy.Resume()
	u.outages = append(u.outages, outage{how: fmt.Sprintf("weak, %v late", delay), begin: begin, end: time.Now()})
}

func TestUplink_CutOftenKeepsOneBroadcastWithoutAReload(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	u := &uplink{
		t: t, server: s, proxy: harness.StartProxy(t, s.RTMP), file: sources.Plain(t),
		random: rand.New(rand.NewPCG(uint64(*cuts), 7)), // the same faults each time
	}
	length := time.Duration(*minutes * float64(time.Minute))
	ctx, cancel := context.WithTimeout(t.Context(), harness.Timeout(2*length+time.Minute))
	defer cancel()
	u.publish()
	first := s.WaitForState("show", "live", 10*time.Second)
	f := harness.Follow(t, s.PlaylistURL("show"), hlscheck.Options{LowLatency: true, Discard: true})
	page := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	page.WaitForPlay(20 * time.Second)
	v := page.View()

	begin := time.Now()
	every := length / time.Duration(*cuts)
	for i := range *cuts {
		due := begin.Add(every*time.Duration(i) + every/4)
		if i%2 == 1 {
			harness.Pause(ctx, time.Until(due.Add(-2*time.Second)))
			u.weaken(ctx)
		}
		harness.Pause(ctx, time.Until(due))
		before := v.Last().Time
		how := harness.Cuts()[i%len(harness.Cuts())]
		u.cut(ctx, how)
		back := u.outages[len(u.outages)-1].end
		page.WaitFor(fmt.Sprintf("picture after cut %d (%v)", i+1, how), 15*time.Second, func(now harness.Playback) bool { return now.Time > before+3 })
		t.Logf("cut %d, %v: away %.2f s; 3 s more were played %.1f s after the return", i+1, how,
			back.Sub(u.outages[len(u.outages)-1].begin).Seconds(), time.Since(back).Seconds())
		if i == 0 {
			page.Screenshot("uplink-after-first-cut")
		}
	}
	harness.Pause(ctx, time.Until(begin.Add(length)))
	page.Screenshot("uplink-at-the-end")
	seen := v.Stop()
	if now := s.WaitForState("show", "live", time.Second); !now.Started.Equal(first.Started) {
		t.Errorf("the broadcast that started at %v was replaced by one that started at %v", first.Started, now.Started)
	}
	u.encoder.Quit()
	r := f.Wait(20 * time.Second)
	u.checkPlaylist(f, r)
	u.checkPicture(seen)
	if n := s.Logs.Count(`msg="broadcast started"`); n != 1 {
		t.Errorf("%d broadcasts were started, want 1", n)
	}
}

func (u *uplink) checkPlaylist(f *harness.Follower, r *hlscheck.Rendition) {
	u.t.Helper()
	f.Check(pace...)
	discontinuities := harness.Discontinuities(r)
	if discontinuities != *cuts {
		u.t.Errorf("%d cuts left %d discontinuities", *cuts, discontinuities)
	}
	late := 0
	for i := 1; i < len(r.Segments); i++ {
		late += u.late("segment", r.Segments[i].MSN, r.Segments[i-1].Listed, r.Segments[i].Listed, r.Last.TargetDuration*3/2)
	}
	lateParts := 0
	for i := 1; i < len(r.Parts); i++ {
		lateParts += u.late("part of segment", r.Parts[i].MSN, r.Parts[i-1].Listed, r.Parts[i].Listed, r.Last.PartTarget)
	}
	u.t.Logf("%d segments, %d parts, %d reloads, %d discontinuities; %d publishers for %d cuts; late because of the uplink: %d segments, %d parts; rules broken: %v",
		len(r.Segments), len(r.Parts), r.Reloads, discontinuities, u.tries, *cuts, late, lateParts, f.Violations())
}

// late returns 1 when something came late, which only an outage excuses (rules 11, 12).
func (u *uplink) late(what string, msn int64, before, now time.Time, limit time.Duration) int {
	u.t.Helper()
	const slack = 300 * time.Millisecond // of a busy machine
	if now.Sub(before) <= limit+slack {
		return 0
	}
	for _, o := range u.outages {
		// After an outage one more segment may be late: the one that was interrupted.
		if o.begin.Before(now) && o.end.After(before.Add(-limit)) {
			return 1
		}
	}
	if harness.Strict() {
		u.t.Errorf("%s %d came %v after the one before it, without an outage", what, msn, now.Sub(before).Round(time.Millisecond))
	}
	return 1
}

func (u *uplink) checkPicture(seen []harness.Sample) {
	u.t.Helper()
	var away time.Duration
	for _, o := range u.outages {
		away += o.end.Sub(o.begin)
	}
	sum := harness.Summarise(seen)
	wall := seen[len(seen)-1].At.Sub(seen[0].At)
	u.t.Logf("the page played %.1f s in %.1f s; the uplink was bad for %.1f s; the picture stalled for %.1f s, at most %.1f s at once; went back %d times, %d reloads, faults %q",
		sum.Played, wall.Seconds(), away.Seconds(), sum.Stalled.Seconds(), sum.Longest.Seconds(), sum.Back, sum.Reloads, sum.Faults)
	if sum.Reloads > 0 || sum.Back > 0 || len(sum.Faults) > 0 {
		u.t.Errorf("the page was reloaded %d times, the picture went back %d times %q, faults %q", sum.Reloads, sum.Back, sum.Steps, sum.Faults)
	}
	if sum.Longest > harness.Timeout(10*time.Second) {
		u.t.Errorf("the picture stalled for %v", sum.Longest)
	}
}
