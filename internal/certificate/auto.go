package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// afterRefusal is the delay after an authority refused: Let's Encrypt allows five failures
// an hour, and one attempt can cause two.
const afterRefusal = 30 * time.Minute

// afterFailure is the delay after an authority was not reached. It is longer than the minute
// for which autocert caches a failure.
const afterFailure = 2 * time.Minute

// renewalCheckInterval is how often the age of a certificate is checked.
const renewalCheckInterval = time.Hour

// AutoConfig configures which certificates to obtain, and from which authority.
type AutoConfig struct {
	// Domains are the names, in ASCII.
	Domains []string
	// Email is the contact address for the authority; may be empty.
	Email string
	// Directory is the authority's ACME directory URL; empty means Let's Encrypt.
	Directory string
	// CAFile holds the root certificates, in PEM, to trust for that URL; empty means the
	// system's.
	CAFile string
	// Folder is where the account and the certificates are kept.
	Folder string
}

// Auto obtains certificates from an ACME authority (RFC 8555), and renews them. It may be
// used by many goroutines.
type Auto struct {
	manager *autocert.Manager
	names   []string
	domains map[string]*domain // by name
	log     *slog.Logger
}

// domain holds the last failure to obtain a certificate for one name.
type domain struct {
	mu    sync.Mutex // held while the certificate is obtained
	err   error
	until time.Time // the authority is not asked again before
}

// OpenAuto returns an Auto. It does not contact the authority.
func OpenAuto(cfg AutoConfig, log *slog.Logger) (*Auto, error) {
	client := &acme.Client{DirectoryURL: cfg.Directory, UserAgent: "golive"}
	if cfg.CAFile != "" {
		trusting, err := clientTrusting(cfg.CAFile)
		if err != nil {
			return nil, err
		}
		client.HTTPClient = trusting
	}
	a := &Auto{domains: map[string]*domain{}, log: log}
	for _, name := range cfg.Domains {
		name = strings.ToLower(name)
		a.names, a.domains[name] = append(a.names, name), &domain{}
	}
	a.manager = &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(cfg.Folder),
		HostPolicy: a.policy,
		Client:     client,
		Email:      cfg.Email,
	}
	return a, nil
}

// clientTrusting returns a client that trusts the certificates in a file.
func clientTrusting(caFile string) (*http.Client, error) {
	text, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read root certificates: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read root certificates: %s holds none in PEM", caFile)
	}
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
	return &http.Client{Transport: transport, Timeout: time.Minute}, nil
}

var errUnknownName = errors.New("there is no certificate for this name")

// policy implements autocert.HostPolicy: requests for other names must not use up the
// authority's rate limits.
func (a *Auto) policy(_ context.Context, host string) error {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if a.find(host) == nil {
		return errUnknownName
	}
	return nil
}

func (a *Auto) find(name string) *domain {
	return a.domains[strings.ToLower(strings.TrimSuffix(name, "."))]
}

// Config returns a TLS configuration for a listener: TLS 1.2 or later, the certificate for
// the requested name, and the answer to the authority's TLS-ALPN-01 challenge.
func (a *Auto) Config() *tls.Config {
	c := a.manager.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	c.GetCertificate = a.get
	return c
}

// Challenges returns the handler of the authority's HTTP-01 challenge, to be served below
// ChallengePath on port 80.
func (a *Auto) Challenges() http.Handler { return a.manager.HTTPHandler(http.NotFoundHandler()) }

// ChallengePath is the path prefix of the HTTP-01 challenge.
const ChallengePath = "/.well-known/acme-challenge/"

// get wraps autocert's GetCertificate, and does not ask again for a while after the
// authority has refused.
func (a *Auto) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) {
		return a.manager.GetCertificate(hello)
	}
	d := a.find(hello.ServerName)
	if d == nil {
		return nil, errUnknownName
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil && time.Now().Before(d.until) {
		return nil, d.err
	}
	var c *tls.Certificate
	if c, d.err = a.manager.GetCertificate(hello); d.err == nil {
		return c, nil
	}
	delay := afterRefusal
	if _, unreached := errors.AsType[*url.Error](d.err); unreached {
		delay = afterFailure
	}
	d.until = time.Now().Add(delay)
	a.log.Warn("certificate request failed", "domain", hello.ServerName, "err", d.err, "again_in", delay)
	return nil, d.err
}

// Run obtains the certificates before the first request needs them, and logs a warning if
// one is not renewed. It blocks until ctx is done.
func (a *Auto) Run(ctx context.Context) error {
	expires := map[string]time.Time{}
	for {
		wait := renewalCheckInterval
		for _, name := range a.names {
			leaf, err := a.obtain(ctx, name)
			switch {
			case ctx.Err() != nil:
				return nil //nolint:nilerr // it was stopped
			case err != nil:
				wait = afterFailure
			case !leaf.NotAfter.Equal(expires[name]):
				expires[name] = leaf.NotAfter
				a.log.Info("certificate loaded", "domain", name, "expires", leaf.NotAfter)
			case time.Until(leaf.NotAfter) < leaf.NotAfter.Sub(leaf.NotBefore)/4: // a third is left when it should be renewed
				a.log.Warn("certificate renewal overdue", "domain", name, "expires", leaf.NotAfter)
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// obtain requests a certificate as the TLS handshake of a browser does.
func (a *Auto) obtain(ctx context.Context, name string) (*x509.Certificate, error) {
	type answer struct {
		leaf *x509.Certificate
		err  error
	}
	got := make(chan answer, 1)
	go func() { // autocert cannot be interrupted
		c, err := a.get(&tls.ClientHelloInfo{ServerName: name, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
		if err != nil {
			got <- answer{err: err}
			return
		}
		got <- answer{leaf: c.Leaf}
	}()
	select {
	case r := <-got:
		return r.leaf, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
