package audience

import (
	"hash/maphash"
	"maps"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// minSpan is the shortest span of a generation. Shorter ones would cost more and count no
// better: players poll at least once in a target duration.
const minSpan = 5 * time.Second

// Audience counts the viewers of each broadcast. It may be used by many goroutines.
type Audience struct {
	seed    maphash.Seed
	proxies []netip.Prefix
	stalls  prometheus.Counter

	counters atomic.Pointer[map[string]*counter] // by broadcast
	mu       sync.Mutex                          // guards changes of counters
}

// New returns an Audience without viewers. It believes the X-Forwarded-For of the proxies.
func New(proxies []netip.Prefix, reg prometheus.Registerer) *Audience {
	a := &Audience{seed: maphash.MakeSeed(), proxies: proxies}
	a.counters.Store(&map[string]*counter{})
	a.stalls = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "golive_origin_player_stalls_total",
		Help: "Stalls that players reported (bs of CMCD).",
	})
	reg.MustRegister(a.stalls, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "golive_origin_viewers",
		Help: "Viewers of all broadcasts, counted from their playlist requests.",
	}, func() float64 { return float64(a.All()) }))
	return a
}

// CountViewer counts the sender of a request for a media playlist of a broadcast that
// exists. A player sends one at least once in a target duration.
func (a *Audience) CountViewer(r *http.Request, broadcast string, target time.Duration) {
	now := time.Now()
	a.counter(broadcast, now).add(a.viewer(r), now, max(minSpan, 3*target/2))
}

// CountStall counts a stall, if the player reports one with a request of any kind.
func (a *Audience) CountStall(r *http.Request) {
	if _, stalled := cmcdIn(r, cmcdStatus).find("bs"); stalled {
		a.stalls.Inc()
	}
}

// Viewers returns the number of viewers of a broadcast: those counted in this generation or
// the last one, that is within 10 s, or three target durations if that is longer.
func (a *Audience) Viewers(broadcast string) int {
	r := (*a.counters.Load())[broadcast]
	if r == nil {
		return 0
	}
	return r.count(time.Now())
}

// All returns the number of viewers of all broadcasts; a viewer of two counts twice.
func (a *Audience) All() (n int) {
	now := time.Now()
	for _, r := range *a.counters.Load() {
		n += r.count(now)
	}
	return n
}

// counter returns the counter of a broadcast. A new one replaces those that are empty, so
// there are no more than broadcasts that were watched lately.
func (a *Audience) counter(broadcast string, now time.Time) *counter {
	if r := (*a.counters.Load())[broadcast]; r != nil {
		return r
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := (*a.counters.Load())[broadcast]; r != nil {
		return r
	}
	next := maps.Clone(*a.counters.Load())
	maps.DeleteFunc(next, func(_ string, r *counter) bool { return r.isEmpty(now) })
	r := newCounter()
	next[broadcast] = r
	a.counters.Store(&next)
	return r
}
