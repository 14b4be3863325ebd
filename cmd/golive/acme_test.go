package main

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golive/internal/acmetest"
	"golive/internal/config"
)

const ourName = "live.golive.test"

// greet makes a TLS handshake for a name.
func greet(t *testing.T, address, name string, protocols ...string) (tls.ConnectionState, error) {
	t.Helper()
	conn, err := (&tls.Dialer{Config: &tls.Config{ServerName: name, NextProtos: protocols, InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState(), nil
}

// greetWhenIssued greets as a browser does while a certificate is being issued: what the
// authority does can take longer than a client has for its handshake (10 s), and the
// issuance goes on without it.
func greetWhenIssued(t *testing.T, address, name string, protocols ...string) tls.ConnectionState {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		got, err := greet(t, address, name, protocols...)
		if err == nil {
			return got
		}
		select {
		case <-deadline:
			t.Fatal(err)
		default:
		}
	}
}

// free returns a port without a listener.
func free(t *testing.T) int {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return portOf(ln.Addr().String())
}

func TestServe_GetsItsCertificateByItself(t *testing.T) {
	for name, reachable := range map[string]struct{ http, https bool }{
		"TLS-ALPN-01": {http: false, https: true},
		"HTTP-01":     {http: true, https: false},
	} {
		t.Run(name, func(t *testing.T) {
			httpPort, httpsPort := free(t), free(t)
			seenHTTP, seenHTTPS := httpPort, httpsPort // by the authority
			if !reachable.http {
				seenHTTP = free(t)
			}
			if !reachable.https {
				seenHTTPS = free(t)
			}
			authority := acmetest.Start(t, seenHTTP, seenHTTPS)
			folder := t.TempDir()
			open := func() *running {
				return startServer(t, func(c *config.Config) {
					c.Storage.Backend, c.DataDir = "memory", folder
					c.Origin.Listen = (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: httpPort}).String()
					c.Origin.TLS.Listen = (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: httpsPort}).String()
					c.Origin.TLS.Auto.Domains = []string{ourName}
					c.Origin.TLS.Auto.Directory, c.Origin.TLS.Auto.CAFile = authority.Directory, authority.CAFile
				})
			}
			s := open()
			address := s.listeners.https.Addr().String()
			got := greetWhenIssued(t, address, ourName, "h2", "http/1.1")
			leaf := got.PeerCertificates[0]
			if len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != ourName || !strings.Contains(leaf.Issuer.CommonName, "Pebble") || got.NegotiatedProtocol != "h2" {
				t.Errorf("for %q, by %q, to speak %q", leaf.DNSNames, leaf.Issuer.CommonName, got.NegotiatedProtocol)
			}
			if _, err := greet(t, address, "stranger.golive.test"); err == nil {
				t.Error("a stranger's name got a certificate")
			}
			s.stop()

			authority.Stop() // the next run has what this one got
			again, err := greet(t, open().listeners.https.Addr().String(), strings.ToUpper(ourName))
			if err != nil {
				t.Fatal(err)
			}
			if !again.PeerCertificates[0].Equal(leaf) {
				t.Error("after a restart there is another certificate")
			}
			for _, path := range []string{folder + "/certificates", filepath.Join(folder, "certificates", ourName)} {
				if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
					t.Errorf("others may look at the keys: %v, %v", info, err)
				}
			}
		})
	}
}
