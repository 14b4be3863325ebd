package archive

import (
	"errors"
	"sync"
	"time"
)

// silentAfter is how long an operation may take before the store counts as not
// answering: less than the time limits of all tries together, which let a slow line get
// a large segment through. A put may take as long as its segment lasts.
const silentAfter = 5 * time.Second

// health records whether a store fails now, and how. Its methods may be called from any
// goroutine.
type health struct {
	mu        sync.Mutex
	err       error
	since     time.Time // when err began
	operation string    // the operation that is under way
	began     time.Time // when it began
	answered  time.Time // when the one before ended, or just before began
	allowed   time.Duration
}

// begin notes that an operation begins.
func (h *health) begin(operation string, allowed time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if least := now.Add(-silentAfter); h.answered.Before(least) {
		h.answered = least // no operation was under way for long: that is no failure
	}
	h.operation, h.began, h.allowed = operation, now, allowed
}

// end notes how the operation ended. It reports whether a failure begins with it.
func (h *health) end(err error) (begins bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	begins = err != nil && h.err == nil
	if begins {
		h.since = h.began
	}
	if err != nil {
		h.err = err
	}
	h.operation, h.answered = "", time.Now()
	return begins
}

// endIgnored notes that the operation ended, without its result.
func (h *health) endIgnored() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operation, h.answered = "", time.Now()
}

// recovered notes that the store works, and returns since when it failed; zero if it did not.
func (h *health) recovered() (since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	since = h.since
	h.err, h.since = nil, time.Time{}
	return since
}

// failing returns the error of the current failure and when it began; nil if there is none.
func (h *health) failing() (since time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil && h.operation != "" && time.Since(h.began) >= max(silentAfter, h.allowed) {
		return h.answered, errors.New(h.operation + ": no answer from storage")
	}
	return h.since, h.err
}
