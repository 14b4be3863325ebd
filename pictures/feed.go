package pictures

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golive/media"
)

// Place is where in a broadcast a picture is: a segment of its source, and the time from the
// beginning of that.
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
	maker *Maker
	log   *slog.Logger
	take  func(Picture)
	// next is the time of the next picture, in nanoseconds after the Maker was made.
	next    atomic.Int64
	pending atomic.Pointer[request]

	mu       sync.Mutex // held while take is called
	closed   bool
	failures int // in a row
}

// request is a key picture that waits for a worker.
type request struct {
	unit media.AccessUnit
	at   Place
}

// NewFeed returns a Feed whose pictures go to take, one at a time.
func (m *Maker) NewFeed(take func(Picture), log *slog.Logger) *Feed {
	return &Feed{maker: m, log: log, take: take}
}

// Due reports whether a picture of that time is wanted.
func (f *Feed) Due(now time.Time) bool {
	return now.Sub(f.maker.began) >= time.Duration(f.next.Load()) && f.maker.available.Load()
}

// Offer takes a key picture that can be decoded without others. It never blocks. One that still
// waits is replaced.
func (f *Feed) Offer(u media.AccessUnit, at Place, now time.Time) {
	f.delay(now, f.maker.cfg.Interval)
	if f.pending.Swap(&request{u, at}) != nil {
		return // it is queued
	}
	select {
	case f.maker.queue <- f:
	default: // far too many broadcasts wait
		f.pending.Store(nil)
	}
}

func (f *Feed) delay(now time.Time, d time.Duration) { f.next.Store(int64(now.Sub(f.maker.began) + d)) }

// Close drops what waits. When it has returned no picture comes any more.
func (f *Feed) Close() {
	f.pending.Store(nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}

// maxBackoff bounds the time until another picture of a broadcast is tried.
const maxBackoff = 5 * time.Minute

// done takes the outcome of a request.
func (f *Feed) done(p Picture, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
	case err == nil:
		f.failures = 0
		f.take(p)
	default:
		if f.failures++; f.failures == 1 {
			f.log.Warn("picture not made, it is tried again", "err", err)
		}
		f.delay(time.Now(), min(f.maker.cfg.Interval<<min(f.failures, 10), maxBackoff))
	}
}
