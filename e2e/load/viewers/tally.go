package main

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// report is the result of a run. Times are in milliseconds.
type report struct {
	Viewers  int              `json:"viewers"`
	Seconds  float64          `json:"seconds"`
	Requests int64            `json:"requests"`
	Bytes    int64            `json:"bytes"` // of bodies
	Errors   map[string]int64 `json:"errors"`
	// Stalls is the number of times that a player would have stalled.
	Stalls int64 `json:"stalls"`
	// Cut is the number of slow viewers that were disconnected.
	Cut int64 `json:"cut"`
	// Playlist is the response time of playlists that were not blocked, Media that of parts and
	// segments.
	Playlist percentiles `json:"playlist"`
	Media    percentiles `json:"media"`
	// Late is the delay of responses to blocked requests, relative to media time; the least
	// delay of each viewer counts as 0.
	Late percentiles `json:"late"`
}

type percentiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// tally counts for all viewers, from the time when all have started.
type tally struct {
	from     time.Time
	requests atomic.Int64
	bytes    atomic.Int64
	stalls   atomic.Int64
	cut      atomic.Int64
	playlist delays
	media    delays
	late     delays

	mu     sync.Mutex
	errors map[string]int64
}

func newTally(from time.Time) *tally {
	return &tally{from: from, errors: map[string]int64{}}
}

// answered counts a successful response.
func (t *tally) answered(now time.Time, bytes int) {
	if now.After(t.from) {
		t.requests.Add(1)
		t.bytes.Add(int64(bytes))
	}
}

// failed counts an error.
func (t *tally) failed(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errors[kind]++
}

func (t *tally) report(viewers int, took time.Duration) report {
	t.mu.Lock()
	defer t.mu.Unlock()
	return report{
		Viewers: viewers, Seconds: took.Seconds(), Requests: t.requests.Load(), Bytes: t.bytes.Load(),
		Errors: t.errors, Stalls: t.stalls.Load(), Cut: t.cut.Load(),
		Playlist: t.playlist.percentiles(), Media: t.media.percentiles(), Late: t.late.percentiles(),
	}
}

// delays is a histogram of microseconds: 16 steps for each power of two.
type delays struct {
	n [64 * steps]atomic.Int64
}

const steps = 16

func (d *delays) add(t time.Duration) {
	us := uint64(max(t.Microseconds(), 0))
	i := int(us) // the first are exact
	if us >= steps {
		power := bits.Len64(us) - 5 // us>>power is from 16 to 31
		i = (power+1)*steps + int(us>>power) - steps
	}
	d.n[i].Add(1)
}

// upperBound returns the least delay of the step after i.
func upperBound(i int) time.Duration {
	i++
	if i < steps {
		return time.Duration(i) * time.Microsecond
	}
	return time.Duration((i%steps+steps)<<(i/steps-1)) * time.Microsecond
}

func (d *delays) percentiles() percentiles {
	return percentiles{P50: d.quantile(0.5), P99: d.quantile(0.99), Max: d.quantile(1)}
}

// quantile returns the quantile q in milliseconds, at most a sixteenth too high.
func (d *delays) quantile(q float64) float64 {
	var total, sum int64
	for i := range d.n {
		total += d.n[i].Load()
	}
	if total == 0 {
		return 0
	}
	for i := range d.n {
		if sum += d.n[i].Load(); sum > 0 && float64(sum) >= q*float64(total) {
			return float64(upperBound(i)) / float64(time.Millisecond)
		}
	}
	return 0
}
