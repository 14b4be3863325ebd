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
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

const (
	// maxAnswer is how much of an answer is read, in bytes.
	maxAnswer = 16 << 10
	// maxAnswerHeader bounds its header.
	maxAnswerHeader = 16 << 10
	userAgent       = "golive"
)

// errPrivate is returned for a connection to an address that is not public.
var errPrivate = errors.New("address is not public: set allow_private: true for a server in your own network")

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
		dialer.Control = refusePrivate
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

// refusePrivate is a net.Dialer's Control: it sees the address after the name was resolved.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%q: %w", address, err)
	}
	if !isPublic(at.Addr()) {
		return errPrivate
	}
	return nil
}

// isPublic reports whether the address is one of the public internet. Of IPv6 that is global unicast,
// 2000::/3, without the networks that lead to IPv4 addresses (RFC 4380, RFC 3056) or nowhere
// (RFC 3849).
func isPublic(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Zone() != "" {
		return false
	}
	special := []string{"2001::/23", "2002::/16", "2001:db8::/32", "3fff::/20"}
	if ip.Is4() {
		// RFC 6890
		special = []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"}
	} else if !netip.MustParsePrefix("2000::/3").Contains(ip) {
		return false
	}
	for _, s := range special {
		if netip.MustParsePrefix(s).Contains(ip) {
			return false
		}
	}
	return true
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
