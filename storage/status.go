package storage

import "time"

// ArchiverStatus is an instant of an Archiver, for readiness and the API.
type ArchiverStatus struct {
	// Error is what the bucket fails with now, also when it is that no answer comes;
	// empty when all is well.
	Error string
	// FailingSince is when that trouble began; zero when all is well. For a bucket that
	// does not answer it is when it did for the last time.
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
	asked  operation
}

// operation is one that the bucket has been asked for and has not answered.
type operation struct {
	what     string    // "put KEY"; empty when there is none
	began    time.Time // when it was asked
	answered time.Time // when the one before was answered, or just before began
	patience time.Duration
}

// silentAfter is how long an operation may take before the bucket counts as one that
// does not answer: less than the time limits of all tries together, which let a slow
// line get a large segment through. A put may take as long as its segment lasts.
const silentAfter = 5 * time.Second

// silent says whether the bucket should have answered by now.
func (o operation) silent(now time.Time) bool {
	return o.what != "" && now.Sub(o.began) >= max(silentAfter, o.patience)
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
		s.Lag = max(0, time.Since(s.oldest)) // a spooled segment's time may be another clock's
	}
	if s.Error == "" && s.asked.silent(time.Now()) {
		s.Error, s.FailingSince = s.asked.what+": no answer from storage", s.asked.answered
	}
	return s
}

// Trouble returns what is wrong now with the bucket, and then with the Spool; empty when
// all is well.
func (s ArchiverStatus) Trouble() string {
	switch {
	case s.SpoolError == "":
		return s.Error
	case s.Error == "":
		return s.SpoolError
	}
	return s.Error + "; and what waits cannot be spooled: " + s.SpoolError
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
		asked:         a.asked,
	}
	if a.failing.err != nil {
		s.Error = a.failing.err.Error()
	}
	if a.spooling.err != nil {
		s.SpoolError = a.spooling.err.Error()
	}
	a.status.Store(s)
}
