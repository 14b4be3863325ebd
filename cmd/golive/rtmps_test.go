package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golive/internal/config"
)

// certify writes a certificate for name, and its key.
func certify(t *testing.T, certFile, keyFile, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServe_RTMPSLoadsANewCertificate(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certify(t, certFile, keyFile, "old")
	s := startInMemory(t, func(c *config.Config) {
		c.Ingest.RTMPS.Listen, c.Ingest.RTMPS.CertFile, c.Ingest.RTMPS.KeyFile = "127.0.0.1:0", certFile, keyFile
	})
	dial := func() *tls.Conn {
		conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", s.listeners.rtmps.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return conn.(*tls.Conn)
	}
	served := func(c *tls.Conn) string { return c.ConnectionState().PeerCertificates[0].Subject.CommonName }

	first := dial()
	e, code := connect(t, first, "studio")
	if code != "NetStream.Publish.Start" || served(first) != "old" {
		t.Fatalf("publish: %s, with the certificate of %s", code, served(first))
	}
	certify(t, certFile, keyFile, "new")
	for deadline := time.Now().Add(patience); ; <-time.After(100 * time.Millisecond) {
		next := dial()
		name := served(next)
		_ = next.Close()
		if name == "new" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the certificate of %s is still served", name)
		}
	}
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	s.mediaPlaylist(t, "studio", "#EXTINF:")
}

func TestWire_NamesTheKeyOfABrokenCertificate(t *testing.T) {
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	for key, set := range map[string]func(*config.Config){
		"ingest.rtmps": func(c *config.Config) {
			c.Ingest.RTMPS.Listen, c.Ingest.RTMPS.CertFile, c.Ingest.RTMPS.KeyFile = ":0", "nowhere.pem", "nowhere.key"
		},
		"origin.tls": func(c *config.Config) {
			c.Origin.TLS.Listen, c.Origin.TLS.CertFile, c.Origin.TLS.KeyFile = ":0", "nowhere.pem", "nowhere.key"
		},
	} {
		cfg := config.Default()
		cfg.Storage.Backend = "memory"
		set(&cfg)
		_, err := wire(t.Context(), cfg, listeners{rtmp: ln, http: ln, admin: ln}, slog.New(slog.DiscardHandler))
		if err == nil || !strings.HasPrefix(err.Error(), key+": ") || !strings.Contains(err.Error(), "nowhere.pem") {
			t.Errorf("%s: err = %v", key, err)
		}
	}
}

func TestServe_TotalNumberOfSessionsIsLimited(t *testing.T) {
	s := startInMemory(t, func(c *config.Config) { c.Ingest.Limits.Sessions = 1 })
	s.publish(t, "one")
	if _, code := s.tryPublish(t, "two"); code != "NetStream.Publish.Denied" {
		t.Errorf("the second gets %s", code)
	}
}
