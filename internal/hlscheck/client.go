package hlscheck

import (
	"crypto/tls"
	"net/http"
	"time"
)

// NewClient is a client that sees what rules 46 and 48 are about: it speaks
// HTTP/2 where that is offered, and takes a version of TLS that is too old, to
// report it. insecure takes any certificate.
func NewClient(insecure bool) *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS10, // #nosec G402 -- to tell what is served, not to trust it
			InsecureSkipVerify: insecure,         // #nosec G402 -- as the user asked
		},
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: patience,
		MaxIdleConnsPerHost: 32, // each rendition reloads, fetches and probes at once
		IdleConnTimeout:     time.Minute,
	}}
}
