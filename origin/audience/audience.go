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

// leastSpan is the least span of a generation: players that poll less often than
// every half target are rare, and short ones would make work for nobody.
const leastSpan = 5 * time.Second

// Audience counts the viewers of each broadcast. It may be used by many goroutines.
type Audience struct {
	seed    maphash.Seed
	proxies []netip.Prefix
	stalls  prometheus.Counter

	rooms atomic.Pointer[map[string]*room] // by broadcast
	mu    sync.Mutex                       // of those who change rooms
}

// New counts nobody yet. What the proxies say of whom they ask for is believed.
func New(proxies []netip.Prefix, reg prometheus.Registerer) *Audience {
	a := &Audience{seed: maphash.MakeSeed(), proxies: proxies}
	a.rooms.Store(&map[string]*room{})
	a.stalls = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "golive_origin_player_stalls_total",
		Help: "Stalls that players told of (CMCD's bs).",
	})
	reg.MustRegister(a.stalls, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "golive_origin_viewers",
		Help: "Viewers of all broadcasts, counted from their playlist requests.",
	}, func() float64 { return float64(a.All()) }))
	return a
}

// Polled notes that somebody asked for a media playlist of a broadcast that exists.
// Such requests come at least once in a target duration.
func (a *Audience) Polled(r *http.Request, broadcast string, target time.Duration) {
	now := time.Now()
	a.room(broadcast, now).add(a.viewer(r), now, max(leastSpan, 3*target/2))
}

// Heard notes what a player tells with a request of any kind.
func (a *Audience) Heard(r *http.Request) {
	if _, stalled := cmcdIn(r, cmcdStatus).find("bs"); stalled {
		a.stalls.Inc()
	}
}

// Viewers is how many watch a broadcast: who polled within the last generation or
// this one, that is within 10 s, or three targets when that is more.
func (a *Audience) Viewers(broadcast string) int {
	r := (*a.rooms.Load())[broadcast]
	if r == nil {
		return 0
	}
	return r.count(time.Now())
}

// All is how many watch any broadcast; who watches two counts twice.
func (a *Audience) All() (n int) {
	now := time.Now()
	for _, r := range *a.rooms.Load() {
		n += r.count(now)
	}
	return n
}

// room is that of a broadcast. A new one takes the empty ones' place: they are no
// more than the broadcasts that were watched lately.
func (a *Audience) room(broadcast string, now time.Time) *room {
	if r := (*a.rooms.Load())[broadcast]; r != nil {
		return r
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := (*a.rooms.Load())[broadcast]; r != nil {
		return r
	}
	next := maps.Clone(*a.rooms.Load())
	maps.DeleteFunc(next, func(_ string, r *room) bool { return r.isEmpty(now) })
	r := newRoom()
	next[broadcast] = r
	a.rooms.Store(&next)
	return r
}
