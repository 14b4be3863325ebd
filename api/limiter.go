package api

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits are the limiters of requests that change something.
type limits struct {
	users     *limiter[string]
	addresses *limiter[netip.Prefix]
}

func newLimits(c LimitsConfig) limits {
	return limits{
		users:     newLimiter[string](c.UserRate, c.UserBurst),
		addresses: newLimiter[netip.Prefix](c.AddressRate, c.AddressBurst),
	}
}

// maxLimited bounds how many users or addresses a limiter remembers.
const maxLimited = 10_000

// limiter limits the requests of each of many clients.
type limiter[K comparable] struct {
	rate  rate.Limit
	burst int

	mu    sync.Mutex
	by    map[K]*rate.Limiter
	swept time.Time
	rest  *rate.Limiter // of those that are not remembered, together
}

func newLimiter[K comparable](perSecond float64, burst int) *limiter[K] {
	r := rate.Limit(perSecond)
	if perSecond == 0 {
		r = rate.Inf
	}
	return &limiter[K]{rate: r, burst: burst, by: map[K]*rate.Limiter{}, rest: rate.NewLimiter(r, burst)}
}

// take takes one request of a client. It returns 0, or after what time the client may try again.
func (l *limiter[K]) take(client K, now time.Time) time.Duration {
	if l.rate == rate.Inf {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.find(client, now).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// find returns the client's limiter. The caller holds mu.
func (l *limiter[K]) find(client K, now time.Time) *rate.Limiter {
	if one := l.by[client]; one != nil {
		return one
	}
	if len(l.by) >= maxLimited && now.Sub(l.swept) >= time.Second {
		l.swept = now
		for k, one := range l.by {
			if one.TokensAt(now) >= float64(l.burst) {
				delete(l.by, k)
			}
		}
	}
	if len(l.by) >= maxLimited {
		return l.rest
	}
	one := rate.NewLimiter(l.rate, l.burst)
	l.by[client] = one
	return one
}
