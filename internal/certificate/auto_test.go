package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// authority answers an ACME client: it refuses new accounts, or fails as its fields say.
type authority struct {
	unreachable bool
	hangs       bool // does not answer
	attempts    atomic.Int32
}

func (a *authority) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.unreachable {
		a.attempts.Add(1)
		return nil, errors.New("no route to host")
	}
	if a.hangs {
		a.attempts.Add(1)
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	res := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Replay-Nonce": {"n"}}, Request: r}
	text := ""
	switch r.URL.Path {
	case "/dir":
		text = `{"newNonce":"https://ca.test/nonce","newAccount":"https://ca.test/account","newOrder":"https://ca.test/order"}`
	case "/account":
		a.attempts.Add(1)
		res.StatusCode = http.StatusForbidden
		res.Header.Set("Content-Type", "application/problem+json")
		text = `{"type":"urn:ietf:params:acme:error:unauthorized","detail":"the account is not allowed","status":403}`
	}
	res.Body = io.NopCloser(strings.NewReader(text))
	return res, nil
}

// openAuto returns an Auto that sends its requests to the authority, and its log.
func openAuto(t *testing.T, ca *authority) (*Auto, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	a, err := OpenAuto(AutoConfig{
		Domains: []string{"Live.example.com"}, Directory: "https://ca.test/dir", Folder: t.TempDir(),
	}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	a.manager.Client.HTTPClient = &http.Client{Transport: ca}
	return a, log
}

func hello(name string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: name, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
}

// However many viewers connect, the number of requests to an authority stays within its limits.
func TestAuto_BoundsRequestsToAnAuthorityThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		ca   *authority
		most int // attempts in an hour
	}{
		"refuses":     {&authority{}, 2},
		"unreachable": {&authority{unreachable: true}, 30},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, log := openAuto(t, c.ca)
				config := a.Config()
				for range 3600 - 1 {
					if _, err := config.GetCertificate(hello("live.example.com")); err == nil {
						t.Fatal("a certificate was obtained from an authority that fails")
					}
					time.Sleep(time.Second)
				}
				if int(c.ca.attempts.Load()) > c.most || int(c.ca.attempts.Load()) < c.most/2 {
					t.Errorf("%d attempts in an hour, want from %d to %d", c.ca.attempts.Load(), c.most/2, c.most)
				}
				if n := strings.Count(log.String(), "level=WARN"); n != int(c.ca.attempts.Load()) {
					t.Errorf("%d warnings of %d attempts, want one for each:\n%s", n, c.ca.attempts.Load(), log)
				}
				time.Sleep(time.Hour) // what autocert started has ended
			})
		})
	}
}

func TestAuto_RequestsNoCertificatesForOtherNames(t *testing.T) {
	ca := &authority{}
	a, _ := openAuto(t, ca)
	for _, name := range []string{"", "example.com", "www.live.example.com", "live.example.com.evil.test", "192.0.2.1"} {
		if _, err := a.Config().GetCertificate(hello(name)); err == nil {
			t.Errorf("%q has a certificate", name)
		}
	}
	if ca.attempts.Load() != 0 {
		t.Errorf("%d requests to the authority, want none", ca.attempts.Load())
	}
}

func TestAuto_RunRequestsACertificateBeforeTheFirstViewer(t *testing.T) {
	for name, ca := range map[string]*authority{"refuses": {}, "hangs": {hangs: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _ := openAuto(t, ca)
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- a.Run(ctx) }()
				time.Sleep(time.Minute)
				if n := ca.attempts.Load(); n != 1 {
					t.Errorf("%d requests to the authority without any viewer, want 1", n)
				}
				began := time.Now()
				stop()
				if err := <-done; err != nil || time.Since(began) != 0 {
					t.Errorf("Run ended %s after its context with error %v, want at once without one", time.Since(began), err)
				}
				time.Sleep(time.Hour) // what autocert started has ended
			})
		})
	}
}

func TestOpenAuto_NamesTheFileThatIsWrong(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + "x"} {
		if _, err := OpenAuto(AutoConfig{CAFile: file}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error is %v, want one that names the file", file, err)
		}
	}
}
