package storage

import "time"

// ArchiverStatus is an instant of an Archiver, for readiness and the API.
type ArchiverStatus struct {
	// Error is what the bucket fails with now; empty when all is well.
	Error string
	// FailingSince is when that trouble began; zero when all is well.
	FailingSince time.Time
	// Segments is how many segments wait for the bucket; QueueBytes is what they
	// hold in memory.
	Segments   int
	QueueBytes int64
	// SpoolSegments and SpoolBytes are those of them that wait in the spool.
	SpoolSegments int
	SpoolBytes    int64
	// SpoolError is why what waits cannot be spooled now; empty when it can.
	SpoolError string
	// Lag is how long the oldest waiting segment has waited.
	Lag time.Duration
	// Lost is how many segments never reached the bucket.
	Lost int64

	oldest time.Time
}

// failure is a trouble that lasts.
type failure struct {
	err   error
	since time.Time
}

// Status is the Archiver's state, consistent in itself. It takes no lock.
func (a *Archiver) Status() ArchiverStatus {
	s := *a.status.Load()
	if !s.oldest.IsZero() {
		s.Lag = time.Since(s.oldest)
	}
	return s
}

// publish renews what Status shows. The caller holds the lock.
func (a *Archiver) publish() {
	s := &ArchiverStatus{
		FailingSince:  a.failing.since,
		Segments:      a.queue.waiting,
		QueueBytes:    a.queue.bytes,
		SpoolSegments: a.queue.spooled,
		SpoolBytes:    a.queue.spooledBytes,
		Lost:          a.lost,
		oldest:        a.queue.oldest(),
	}
	if a.failing.err != nil {
		s.Error = a.failing.err.Error()
	}
	if a.spooling.err != nil {
		s.SpoolError = a.spooling.err.Error()
	}
	a.status.Store(s)
}
