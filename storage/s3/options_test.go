package s3

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"golive/storage"
	"golive/storage/s3/s3test"
)

// local is a RoundTripper that calls the store directly, so that time can be simulated.
type local struct{ store http.Handler }

func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	w.Header().Set("Date", time.Now().UTC().Add(-time.Hour).Format(http.TimeFormat)) // a clock that is an hour slow
	l.store.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestPut_ObeysRetryAfter(t *testing.T) {
	hourAgo := func(d time.Duration) string { // by the store's clock
		return time.Date(1999, 12, 31, 23, 0, 0, 0, time.UTC).Add(d).Format(http.TimeFormat)
	}
	for name, test := range map[string]struct {
		status      int
		header      string
		least, most time.Duration // until Put returns
		wait        time.Duration // RetryAfter of its error; 0 if it succeeds
	}{
		"seconds":                        {http.StatusTooManyRequests, "2", 2 * time.Second, 2 * time.Second, 0},
		"a date":                         {http.StatusServiceUnavailable, hourAgo(2 * time.Second), 2 * time.Second, 2 * time.Second, 0},
		"a date that has passed":         {http.StatusServiceUnavailable, hourAgo(-time.Hour), 1, time.Second, 0},
		"longer than Put waits":          {http.StatusServiceUnavailable, "20", 0, 0, 20 * time.Second},
		"a date later than Put waits":    {http.StatusTooManyRequests, hourAgo(30 * time.Second), 0, 0, 30 * time.Second},
		"longer than is accepted":        {http.StatusTooManyRequests, "86400", 0, 0, time.Minute},
		"longer than can be represented": {http.StatusTooManyRequests, "9223372036854775807", 0, 0, time.Minute},
		"not a time":                     {http.StatusServiceUnavailable, "soon", 1, time.Second, 0},
		"another kind of error":          {http.StatusInternalServerError, "20", 1, time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			throttle := s3test.Throttle{N: 1, Status: test.status, RetryAfter: test.header}
			f := s3test.NewFake(t, throttle.Limit)
			synctest.Test(t, func(t *testing.T) {
				b, err := New(t.Context(), f.Config())
				if err != nil {
					t.Fatal(err)
				}
				b.http.client.Transport = local{f.Handler}
				began := time.Now()
				err = b.Put(t.Context(), storage.Object{Key: "live/a/1.ts", Slabs: [][]byte{[]byte("x")}})
				if took := time.Since(began); took < test.least || took > test.most {
					t.Errorf("Put took %v, want from %v to %v", took, test.least, test.most)
				}
				if wait := storage.RetryAfter(err); wait != test.wait || (err == nil) != (test.wait == 0) {
					t.Errorf("RetryAfter is %v, want %v: %v", wait, test.wait, err)
				}
				if e, ok := errors.AsType[*storage.Error](err); err != nil && (!ok || !e.Retryable()) {
					t.Errorf("%v is not retryable", err)
				}
			})
		})
	}
}
