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

// health records what is wrong with a store now. Its methods may be called from any
// goroutine.
type health struct {
	mu       sync.Mutex
	err      error
	since    time.Time // when err began
	what     string    // the operation that was asked for and is not answered
	began    time.Time // when it was asked for
	answered time.Time // when the one before was answered, or just before began
	patience time.Duration
}

// ask notes that an operation begins.
func (h *health) ask(what string, patience time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if least := now.Add(-silentAfter); h.answered.Before(least) {
		h.answered = least // nothing may have been asked for long: that is no fault
	}
	h.what, h.began, h.patience = what, now, patience
}

// answer notes how the operation ended. It reports whether a fault begins with it.
func (h *health) answer(err error) (begins bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	begins = err != nil && h.err == nil
	if begins {
		h.since = h.began
	}
	if err != nil {
		h.err = err
	}
	h.what, h.answered = "", time.Now()
	return begins
}

// recover notes that all is well, and returns since when it was not; zero when it was.
func (h *health) recover() (since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	since = h.since
	h.err, h.since = nil, time.Time{}
	return since
}

// failing returns what is wrong, and since when; nil when all is well.
func (h *health) failing() (since time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil && h.what != "" && time.Since(h.began) >= max(silentAfter, h.patience) {
		return h.answered, errors.New(h.what + ": no answer from storage")
	}
	return h.since, h.err
}
