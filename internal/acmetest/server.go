package acmetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const startTime = 10 * time.Second

// Authority is a running pebble.
type Authority struct {
	// Directory is the URL of its ACME directory.
	Directory string
	// CAFile holds the certificate of its own listener.
	CAFile string

	process *exec.Cmd
}

// Start runs an authority until the test ends. It validates domains at the given ports of
// this machine.
func Start(tb testing.TB, httpPort, tlsPort int) *Authority {
	tb.Helper()
	program := findPebble(tb)
	dir, address := tb.TempDir(), freePort(tb)
	a := &Authority{Directory: "https://" + address + "/dir", CAFile: filepath.Join(dir, "cert.pem")}
	keyFile, configFile := filepath.Join(dir, "key.pem"), filepath.Join(dir, "config.json")
	writeCertificate(tb, a.CAFile, keyFile)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": address, "certificate": a.CAFile, "privateKey": keyFile, "httpPort": httpPort, "tlsPort": tlsPort,
	}})
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(configFile, config, 0o600); err != nil {
		tb.Fatal(err)
	}
	// The child process outlives the test's context: Stop ends it.
	a.process = exec.CommandContext(context.WithoutCancel(tb.Context()), program, "-config", configFile, "-dnsserver", serveDNS(tb))
	a.process.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	var output strings.Builder
	a.process.Stdout, a.process.Stderr = &output, &output
	if err := a.process.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(a.Stop)
	for deadline := time.Now().Add(startTime); ; <-time.After(10 * time.Millisecond) {
		conn, err := (&net.Dialer{}).DialContext(tb.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			return a
		}
		if time.Now().After(deadline) {
			a.Stop()
			tb.Fatalf("pebble does not listen on %s: %s", address, output.String())
		}
	}
}

// Stop ends the authority.
func (a *Authority) Stop() {
	_ = a.process.Process.Kill()
	_ = a.process.Wait()
}

// findPebble returns the path of pebble.
func findPebble(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		path := filepath.Join(dir, "bin", "pebble")
		if _, err := os.Stat(path); err == nil {
			return path
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	const missing = "there is no ACME authority: make bin/pebble"
	if os.Getenv("CI") != "" {
		tb.Fatal(missing)
	}
	tb.Skip(missing)
	return ""
}

func freePort(tb testing.TB) string {
	tb.Helper()
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// writeCertificate writes a self-signed certificate for 127.0.0.1.
func writeCertificate(tb testing.TB, certFile, keyFile string) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}

// serveDNS runs a DNS server that resolves every name to 127.0.0.1, over TCP, as pebble uses it.
func serveDNS(tb testing.TB) (address string) {
	tb.Helper()
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(startTime))
				for answer(conn) == nil { // until it closes
				}
			})
		}
	})
	tb.Cleanup(func() {
		_ = ln.Close()
		running.Wait()
	})
	return ln.Addr().String()
}

// answer answers one query, which is prefixed with its length (RFC 1035 section 4.2.2).
func answer(conn net.Conn) error {
	var length uint16
	if err := binary.Read(conn, binary.BigEndian, &length); err != nil {
		return err
	}
	question := make([]byte, length)
	if _, err := io.ReadFull(conn, question); err != nil {
		return err
	}
	text, err := resolve(question)
	if err != nil {
		return err
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...))
	return err
}

// resolve returns the answer to a query: A records of 127.0.0.1, and no others.
func resolve(question []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return nil, err
	}
	m.Response, m.Additionals = true, nil
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			})
		}
	}
	return m.Pack()
}
