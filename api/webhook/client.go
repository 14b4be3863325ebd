package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golive/internal/publicnet"
)

const (
	// maxAnswer is how much of an answer is read, in bytes.
	maxAnswer = 16 << 10
	// maxAnswerHeader bounds its header.
	maxAnswerHeader = 16 << 10
	userAgent       = "golive"
)

// StatusError reports an answer that is not a success.
type StatusError struct{ Code int }

// Error returns the status.
func (e *StatusError) Error() string {
	if e.Code >= 300 && e.Code < 400 {
		return fmt.Sprintf("answer is a redirect (%d), which is not followed: set the address that it leads to", e.Code)
	}
	return fmt.Sprintf("answer is %d %s", e.Code, http.StatusText(e.Code))
}

// client posts signed messages to one address.
type client struct {
	url  string
	host string // for logs: the rest of the URL may be a secret
	key  []byte
	http *http.Client
}

func newClient(e endpoint) (*client, error) {
	key, err := e.key()
	if err != nil {
		return nil, fmt.Errorf("secret %w", err)
	}
	u, err := url.Parse(e.url)
	if err != nil {
		return nil, errors.New("url cannot be parsed")
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !e.allowPrivate {
		dialer.Control = publicnet.Control
	}
	return &client{
		url:  e.url,
		host: u.Host,
		key:  key,
		http: &http.Client{
			// No Proxy: it would connect in place of the dialer.
			Transport: &http.Transport{
				DialContext:            dialer.DialContext,
				TLSHandshakeTimeout:    5 * time.Second,
				MaxIdleConnsPerHost:    4,
				IdleConnTimeout:        time.Minute,
				MaxResponseHeaderBytes: maxAnswerHeader,
				ForceAttemptHTTP2:      true,
				DisableCompression:     true, // the answer is bounded before it is decompressed
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// post sends a message, and returns what was answered to it. The error does not contain the URL. It
// is a *StatusError if the answer is not 2xx.
func (c *client) post(ctx context.Context, id string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("url cannot be parsed")
	}
	now := time.Now().Unix()
	h := req.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", userAgent)
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", strconv.FormatInt(now, 10))
	h.Set("Webhook-Signature", sign(c.key, id, now, body))
	res, err := c.http.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		if errors.Is(err, publicnet.ErrNotPublic) {
			err = fmt.Errorf("%w: set allow_private: true for a server in your own network", err)
		}
		return nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	_ = res.Body.Close() // it was read
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, &StatusError{res.StatusCode}
	}
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return answer, nil
}

// sign returns the signature of a message, as Standard Webhooks 1.0 describes for a symmetric key.
func sign(key []byte, id string, at int64, body []byte) string {
	h := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(h, "%s.%d.", id, at) // a hash returns no error
	_, _ = h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}
