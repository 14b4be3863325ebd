package whip

import (
	"encoding/json"
	"errors"
	"net/http"

	"golive/ingest"
)

// httpError is a refusal with its status.
type httpError struct {
	status int
	detail string
}

// Error returns the reason.
func (e *httpError) Error() string { return e.detail }

// errNoSession is the refusal of a request to a session that does not exist.
func errNoSession() error { return &httpError{http.StatusNotFound, "there is no such session"} }

// statusOf returns the status of the response to a request that failed.
func statusOf(err error) int {
	if e, ok := errors.AsType[*httpError](err); ok {
		return e.status
	}
	for _, one := range []struct {
		is     error
		status int
	}{
		{errSyntax, http.StatusBadRequest},
		{errCodecs, http.StatusUnprocessableEntity},
		{ingest.ErrUnauthorized, http.StatusUnauthorized},
		{ingest.ErrBadName, http.StatusBadRequest},
		{ingest.ErrRefused, http.StatusForbidden},
		{ingest.ErrTaken, http.StatusConflict},
		{ingest.ErrEnded, http.StatusGone},
		{ingest.ErrLimit, http.StatusServiceUnavailable},
		{ingest.ErrUnavailable, http.StatusServiceUnavailable},
		{ingest.ErrClosing, http.StatusServiceUnavailable},
	} {
		if errors.Is(err, one.is) {
			return one.status
		}
	}
	return http.StatusInternalServerError
}

// refuse answers a request that failed with a problem (RFC 9457).
func refuse(w http.ResponseWriter, err error) {
	status, h := statusOf(err), w.Header()
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="golive"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", "5")
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct { // the client may be gone
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, describe(err)})
}

// describe returns the text that tells the person at the encoder why.
func describe(err error) string {
	if _, ok := errors.AsType[*httpError](err); ok || errors.Is(err, errSyntax) || errors.Is(err, errCodecs) {
		return err.Error()
	}
	return ingest.Describe(err)
}
