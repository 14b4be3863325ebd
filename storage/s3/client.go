package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync/atomic"
	"time"
)

const (
	// timeout is how long one attempt may take beyond what its bytes need at
	// minRate. The SDK has no limit by itself: a silent server would hold an
	// upload for ever.
	timeout = 5 * time.Second
	// minRate is how slow a connection may be, in bytes per second.
	minRate = 128 << 10
	// maxDoublings bounds how far the limit grows while attempts run into it.
	maxDoublings = 4

	// idleConnections is how many uploads may be under way at once without each
	// opening a connection of its own: net/http keeps two otherwise, the SDK ten.
	idleConnections = 256
	// bufferSize is that of a connection's buffers, in bytes: large enough that a
	// segment takes few system calls.
	bufferSize = 64 << 10
)

// httpClient sends each attempt with a time limit that fits its size.
type httpClient struct {
	client    *http.Client
	transport *http.Transport
	timeout   time.Duration
	// doublings is how often the limit is doubled now. Attempts that run into it
	// raise it, so that uploads get through however slow the line is; those that
	// end in time lower it again.
	doublings atomic.Int32
}

func newHTTPClient(roots *x509.CertPool) *httpClient {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: timeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   timeout,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		MaxIdleConnsPerHost:   idleConnections,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: time.Second,
		WriteBufferSize:       bufferSize,
		ReadBufferSize:        bufferSize,
		// Objects with a Content-Encoding are read as they are stored.
		DisableCompression: true,
		// HTTP/2 would put all uploads into one connection and its one window.
		ForceAttemptHTTP2: false,
	}
	return &httpClient{transport: t, timeout: timeout, client: &http.Client{Transport: t, CheckRedirect: followSameMethod}}
}

// followSameMethod follows 307 and 308, and returns other redirects as answers, which become
// errors: net/http would turn a PUT into a GET.
func followSameMethod(next *http.Request, via []*http.Request) error {
	if code := next.Response.StatusCode; (code == http.StatusTemporaryRedirect || code == http.StatusPermanentRedirect) && len(via) < 5 {
		return nil
	}
	return http.ErrUseLastResponse
}

// limit returns how long an attempt that sends size bytes may take until its answer begins.
func (c *httpClient) limit(size int64) time.Duration {
	d := c.timeout + time.Duration(max(size, 0))*time.Second/minRate
	return d << c.doublings.Load()
}

// Do implements the SDK's HTTPClient. The limit is for the attempt until its
// answer begins; then it is for each read of the answer alone, as the reader may be
// slow.
func (c *httpClient) Do(req *http.Request) (*http.Response, error) {
	limit := c.limit(req.ContentLength)
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(limit, func() { cancel(&stalledError{limit}) })
	var conn net.Conn
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { conn = info.Conn },
	})
	resp, err := c.client.Do(req.WithContext(traced))
	inTime := timer.Stop()
	if err != nil {
		if stalled, ok := context.Cause(ctx).(*stalledError); ok { //nolint:errorlint // set above, never wrapped
			c.adjustLimit(1)
			err = stalled
		}
		cancel(nil)
		return nil, err
	}
	if inTime {
		c.adjustLimit(-1)
	}
	if !isServerFailure(resp.StatusCode) {
		conn = nil // it can be used again
	}
	resp.Body = &responseBody{
		bad:     conn,
		body:    resp.Body,
		timer:   timer,
		timeout: c.timeout,
		cancel:  cancel,
		cause:   func() error { return context.Cause(ctx) },
	}
	return resp, nil
}

// isServerFailure reports whether the status means that the store, or a proxy before it, has
// failed or is overloaded. With some stores a connection always leads to the same server, and
// a new one may lead to another.
func isServerFailure(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests
}

// adjustLimit doubles the limit that often, or halves it if by is negative.
func (c *httpClient) adjustLimit(by int32) {
	old := c.doublings.Load()
	c.doublings.CompareAndSwap(old, min(max(old+by, 0), maxDoublings))
}

// responseBody is a response's body, each read of which has a time limit.
type responseBody struct {
	body    io.ReadCloser
	timer   *time.Timer
	timeout time.Duration
	cancel  context.CancelCauseFunc
	cause   func() error // why the request was cancelled
	bad     net.Conn     // the connection, if it must not be used again; or nil
}

// Read waits for the server at most as long as timeout.
func (a *responseBody) Read(p []byte) (int, error) {
	a.timer.Reset(a.timeout)
	n, err := a.body.Read(p)
	a.timer.Stop()
	if err != nil {
		a.closeBad()
	}
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader promises io.EOF itself
		if cause := a.cause(); cause != nil {
			err = cause
		}
	}
	return n, err
}

// Close ends the request.
func (a *responseBody) Close() error {
	a.timer.Stop()
	err := a.body.Close()
	a.closeBad()
	a.cancel(nil)
	return err
}

// closeBad closes a connection that must not be used again. A request that was given it since
// the end of the answer fails, and is tried again on another.
func (a *responseBody) closeBad() {
	if a.bad != nil {
		_ = a.bad.Close() // nothing is lost with it
		a.bad = nil
	}
}

// stalledError is the error of a store that took too long.
type stalledError struct{ limit time.Duration }

// Error returns how long golive waited.
func (e *stalledError) Error() string { return fmt.Sprintf("no answer within %s", e.limit) }

// Timeout implements the interface by which the SDK knows that another attempt may succeed.
func (e *stalledError) Timeout() bool { return true }

// loadRoots reads the certificates to trust; none means the system's.
func loadRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // the system's
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("storage.s3.ca_file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("storage.s3.ca_file: %s holds no certificate in PEM", file)
	}
	return roots, nil
}
