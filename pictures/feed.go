package pictures

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golive/media"
)

// Place is the place of a picture in a broadcast: a segment of the source, and the time from the
// segment's beginning.
type Place struct {
	MSN    int64       `json:"msn"`
	Offset media.Ticks `json:"offset,omitempty"`
}

// Picture is a key picture of a broadcast as JPEG, in two sizes. Its bytes do not change.
type Picture struct {
	Place

	Track           *media.Track
	Poster, Preview []byte
}

// Feed passes the key pictures of one broadcast to a Maker. Due and Offer may be called by one
// goroutine at a time.
type Feed struct {
	maker   *Maker
	log     *slog.Logger
	deliver func(Picture)
	// next is the time of the next picture, in nanoseconds after the Maker was made.
	next    atomic.Int64
	pending atomic.Pointer[request]

	mu       sync.Mutex // held while deliver is called
	closed   bool
	failures int // consecutive
}

// request is a key picture that waits for a worker.
type request struct {
	unit media.AccessUnit
	at   Place
}

// NewFeed returns a Feed that calls deliver with its pictures, one at a time.
func (m *Maker) NewFeed(deliver func(Picture), log *slog.Logger) *Feed {
	return &Feed{maker: m, log: log, deliver: deliver}
}

// Due reports whether a picture is due at a time.
func (f *Feed) Due(now time.Time) bool {
	return now.Sub(f.maker.began) >= time.Duration(f.next.Load()) && f.maker.available.Load()
}

// Offer takes a key picture that can be decoded without others. It never blocks. It replaces a
// picture that still waits.
func (f *Feed) Offer(u media.AccessUnit, at Place, now time.Time) {
	f.delay(now, f.maker.cfg.Interval)
	if f.pending.Swap(&request{u, at}) != nil {
		return // the feed is queued already
	}
	select {
	case f.maker.queue <- f:
	default: // far too many broadcasts wait
		f.pending.Store(nil)
	}
}

func (f *Feed) delay(now time.Time, d time.Duration) { f.next.Store(int64(now.Sub(f.maker.began) + d)) }

// Close drops a waiting picture. After it has returned, no picture is delivered.
func (f *Feed) Close() {
	f.pending.Store(nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}

// maxBackoff bounds the time from a failure to the next attempt.
const maxBackoff = 5 * time.Minute

// done handles the result of a request.
func (f *Feed) done(p Picture, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
	case err == nil:
		f.failures = 0
		f.deliver(p)
	default:
		if f.failures++; f.failures == 1 {
			f.log.Warn("picture not made, it is tried again", "err", err)
		}
		f.delay(time.Now(), min(f.maker.cfg.Interval<<min(f.failures, 10), maxBackoff))
	}
}
