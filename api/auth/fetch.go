package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"golive/internal/publicnet"
)

// fetcher gets a key set from a URL.
type fetcher struct {
	url    string
	client *http.Client
}

// maxRedirects bounds the redirects that are followed.
const maxRedirects = 3

func newFetcher(text string) *fetcher {
	f := &fetcher{url: text}
	named := withPort(text) // by the operator: it may be private
	dialer := &net.Dialer{Timeout: fetchTimeout}
	public := &net.Dialer{Timeout: fetchTimeout, Control: publicnet.Control}
	f.client = &http.Client{
		Transport: &http.Transport{
			// No proxy: it would hide the address.
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if address == named {
					return dialer.DialContext(ctx, network, address)
				}
				return public.DialContext(ctx, network, address)
			},
			TLSHandshakeTimeout:    fetchTimeout,
			ResponseHeaderTimeout:  fetchTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        time.Minute,
			MaxIdleConns:           2,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case len(via) > maxRedirects:
				return errors.New("it redirects too often")
			case r.URL.Scheme != "https" && via[0].URL.Scheme == "https":
				return errors.New("it redirects from https to http")
			}
			return nil
		},
	}
	return f
}

// withPort returns the host and port of a URL.
func withPort(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (f *fetcher) fetch(ctx context.Context) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxKeySet+1))
	err = errors.Join(err, response.Body.Close())
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answered %s", f.url, response.Status)
	case len(text) > maxKeySet:
		return nil, fmt.Errorf("%s has more than %d bytes", f.url, maxKeySet)
	}
	return text, nil
}
