package http1

import (
	"net/http"
	"sync/atomic"
	"time"
)

// date is the Date header (RFC 9110 section 6.6.1), formatted once a second.
type date struct {
	newest atomic.Pointer[stamp]
}

type stamp struct {
	second int64
	text   string
}

func (d *date) now() string {
	now := time.Now()
	s := d.newest.Load()
	if s == nil || s.second != now.Unix() {
		s = &stamp{now.Unix(), now.UTC().Format(http.TimeFormat)}
		d.newest.Store(s)
	}
	return s.text
}
