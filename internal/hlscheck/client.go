package hlscheck

import (
	"crypto/tls"
	"net/http"
	"time"
)

// NewClient returns a client for checking rules 46 and 48: it uses HTTP/2 if the server offers
// it, and accepts old versions of TLS, to report them. If insecure is set it accepts any
// certificate.
func NewClient(insecure bool) *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS10, // #nosec G402 -- to report what is served, not to trust it
			InsecureSkipVerify: insecure,         // #nosec G402 -- as the user asked
		},
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: defaultTimeout,
		MaxIdleConnsPerHost: 32, // each rendition reloads, fetches and probes at once
		IdleConnTimeout:     time.Minute,
	}}
}
